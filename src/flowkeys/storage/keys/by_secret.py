"""Which server secrets tokens were made under."""

from typing import Final

from sqlalchemy import and_, bindparam, func, literal, or_, select

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.keys.digest import ALGORITHM, secret_id_of
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Connection, Statement

_live = and_(
    api_key.c.status != Status.REVOKED.value,
    or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > bindparam("now")),
    or_(token.c.valid_until.is_(None), token.c.valid_until > bindparam("now")),
)
_tokens = token.join(api_key, api_key.c.id == token.c.key_id)
_TAG: Final = len(ALGORITHM) + 1
# Which secrets are still needed, for doctor and for the check at start: along the index of digests, from each
# secret's to the next, without reading the keys between.
_NEXT_DIGEST = Statement(select(func.min(token.c.digest)).where(token.c.digest > bindparam("after")))
_under = token.c.digest.between(bindparam("first"), bindparam("last"))
_COUNT_UNDER = Statement(select(func.count()).select_from(_tokens).where(_live, _under))
_IDS_UNDER = Statement(
    select(token.c.workspace_id, token.c.key_id).select_from(_tokens).where(_live, _under).distinct()
)
_ANY_LIVE = Statement(select(literal(1)).select_from(_tokens).where(_live).limit(1))


def any_live(connection: Connection, now: int) -> bool:
    """Tell whether there is a token that could be accepted."""
    return connection.row(_ANY_LIVE, {"now": now}) is not None


def secrets(connection: Connection) -> list[str]:
    """Return the ids of all secrets that tokens were made under."""
    found: list[str] = []
    after = _digest("")
    while True:
        ((digest,),) = connection.rows(_NEXT_DIGEST, {"after": after})
        if digest is None or not digest.startswith(_digest("")):
            return found
        found.append(secret_id_of(digest))
        after = _range(found[-1])["last"]


def count_under(connection: Connection, secret_id: str, now: int) -> int:
    """Count the tokens made under a secret that could still be accepted."""
    ((total,),) = connection.rows(_COUNT_UNDER, {"now": now, **_range(secret_id)})
    return int(total)


def ids_under(connection: Connection, secret_id: str, now: int) -> list[tuple[str, str]]:
    """Return (workspace id, key id) of keys with tokens that `count_under` counts."""
    return connection.rows(_IDS_UNDER, {"now": now, **_range(secret_id)})


def _digest(rest: str) -> str:
    return f"{ALGORITHM}${rest}"


def _range(secret_id: str) -> dict[str, str]:
    """Return between which texts all digests under a secret lie: ``~`` is after every hex digit."""
    return {"first": _digest(f"{secret_id}$"), "last": _digest(f"{secret_id}$~")}
