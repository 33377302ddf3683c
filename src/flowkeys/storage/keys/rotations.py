"""Tokens that were replaced, within one transaction: their ends, their uses, and what people see of them."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, bindparam, case, func, insert, or_, select, update

from flowkeys.domain.keys.rotation import Rotation, TokenUses
from flowkeys.domain.times import SECOND
from flowkeys.service.ports.keys.tokens import NewToken
from flowkeys.storage.elements import listed
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Connection, Row, Statement

_FAR: Final = 86_400 * SECOND
_INSERT = Statement(insert(token), ["workspace_id", "key_id", "digest", "hint", "created_at", "valid_until"])
_of_key = token.c.workspace_id == bindparam("b_workspace"), token.c.key_id == bindparam("b_key")
_end: Final = bindparam("b_end", type_=BigInteger)
# What was to end sooner, by hand, still does.
_REPLACE = Statement(
    update(token)
    .where(*_of_key, token.c.replaced_at.is_(None))
    .values(
        replaced_at=bindparam("b_at"),
        finish_unused_seconds=bindparam("b_unused"),
        valid_until=case((token.c.valid_until < _end, token.c.valid_until), else_=_end),
    )
)
_SET_END = Statement(
    update(token)
    .where(*_of_key, token.c.replaced_at.is_not(None), token.c.valid_until > bindparam("b_now"))
    .values(valid_until=_end)
)
_columns = (
    token.c.replaced_at,
    token.c.valid_until,
    token.c.finish_unused_seconds,
    token.c.hint,
    token.c.seq,
    token.c.uses,
    token.c.last_used_at,
    token.c.last_address,
    token.c.last_user_agent,
)
_is_replaced = token.c.replaced_at.is_not(None), token.c.valid_until.is_not(None)
# In the order in which they were made, so that of several the last one stands.
LAST_OF_ANY = select(token.c.key_id, *_columns).where(*_is_replaced).order_by(token.c.seq)
LAST = Statement(LAST_OF_ANY.where(token.c.key_id.in_(listed("keys"))))
_TO_FINISH = Statement(
    select(token.c.workspace_id, token.c.key_id, *_columns)
    .select_from(token.join(api_key, api_key.c.id == token.c.key_id))
    .where(
        token.c.replaced_at.is_not(None),
        token.c.valid_until > bindparam("now"),
        token.c.finish_unused_seconds.is_not(None),
        api_key.c.status != "revoked",
    )
)


def is_later_than(column: ColumnElement[int | None]) -> ColumnElement[bool]:
    """Ask for rows whose last use lies before one (`later`), or far ahead of now: a clock was set back."""
    return or_(func.coalesce(column, 0) < bindparam("b_at"), column > bindparam("b_far"))


def later(at: int, now: int) -> dict[str, int]:
    """Return what `is_later_than` compares with: the time of a use, and what no use can be behind."""
    return {"b_at": at, "b_far": now + _FAR}


# Adds, and moves forward only: a buffered use cannot undo anything.
_NOTE_USES = Statement(
    update(token)
    .where(token.c.seq == bindparam("b_token"), token.c.replaced_at.is_not(None))
    .values(
        uses=token.c.uses + bindparam("b_uses"),
        last_used_at=case(
            (is_later_than(token.c.last_used_at), bindparam("b_at")),
            else_=token.c.last_used_at,
        ),
        last_address=bindparam("b_address"),
        last_user_agent=bindparam("b_agent"),
    )
)
_ROTATION: Final = (
    "started_at",
    "ends_at",
    "finish_when_unused_seconds",
    "hint",
    "token",
    "uses",
    "last_used_at",
    "last_address",
    "last_user_agent",
)


class TokenTable:
    """Implements the port `Tokens`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, new: NewToken, *, at: int, ends_at: int, unused_seconds: int | None) -> None:
        """Let the key's token end at `ends_at`, and give it a new one."""
        of_key = {"b_workspace": new.workspace_id, "b_key": new.key_id}
        self._connection.run(_REPLACE, {**of_key, "b_at": at, "b_end": ends_at, "b_unused": unused_seconds})
        values = {**msgspec.structs.asdict(new), "created_at": at, "valid_until": None}
        self._connection.run(_INSERT, values)

    def set_end(self, workspace_id: str, key_id: str, now: int, ends_at: int) -> None:
        """Let a token that was replaced and still works end at another time."""
        self._connection.run(
            _SET_END, {"b_workspace": workspace_id, "b_key": key_id, "b_now": now, "b_end": ends_at}
        )

    def to_finish(self, now: int) -> list[tuple[str, str, Rotation]]:
        """Return (workspace id, key id, rotation) of those under way that finish when the token is unused."""
        rows = self._connection.rows(_TO_FINISH, {"now": now})
        return [(workspace_id, key_id, _rotation(values)) for workspace_id, key_id, *values in rows]

    def note_uses(self, uses: Mapping[int, TokenUses], now: int) -> None:
        """Add uses of replaced tokens."""
        self._connection.run_many(
            _NOTE_USES,
            [
                {
                    "b_token": number,
                    "b_uses": each.uses,
                    **later(each.last_used_at, now),
                    "b_address": each.address,
                    "b_agent": each.user_agent,
                }
                for number, each in uses.items()
            ],
        )


def last(rows: Sequence[Row]) -> dict[str, Rotation]:
    """Return the last rotation of each of the keys that had one, of the rows of `LAST`."""
    return {key_id: _rotation(values) for key_id, *values in rows}


def _rotation(values: Sequence[object]) -> Rotation:
    return Rotation(**dict(zip(_ROTATION, values, strict=True)))  # type: ignore[arg-type]
