"""Keys and their tokens within one transaction."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import BigInteger, bindparam, insert, update

from flowkeys.domain.keys.api_key import ApiKey, fold_name
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.rotation import LastUse
from flowkeys.domain.limits.stored import quotas_to_store, to_store
from flowkeys.domain.listing import KeyQuery, Page
from flowkeys.domain.permissions import ALL
from flowkeys.service.ports.keys.makers import KeysMade
from flowkeys.storage.elements import listed, unindexed
from flowkeys.storage.keys import by_secret, letters, makers, stored
from flowkeys.storage.keys import rotations as key_rotations
from flowkeys.storage.schema import api_key, token
from flowkeys.storage.statement import Connection, Insertion, Row, Statement, in_json

EVERYTHING: Final = 1_000_000
"""As how many permissions a key counts that holds all there are, and those to come."""

_KEY_PARAMETERS: Final = [c.name for c in api_key.c if c.name not in {"seq", "chatflow_count"}]
_INSERT_KEYS = Insertion(lambda rows: insert(api_key).values(rows), _KEY_PARAMETERS, by_halves=True)
_TOKEN: Final = ("workspace_id", "key_id", "digest", "hint", "created_at", "valid_until")
_INSERT_TOKENS = Insertion(lambda rows: insert(token).values(rows), _TOKEN, by_halves=True)
_GET = Statement(
    stored.SELECT.where(api_key.c.workspace_id == bindparam("workspace"), api_key.c.id == bindparam("key"))
)
_UPDATE = Statement(
    update(api_key).where(
        api_key.c.workspace_id == bindparam("b_workspace"), api_key.c.id == bindparam("b_id")
    ),
    [
        "name",
        "name_folded",
        "permissions",
        "permission_count",
        "status",
        "expires_at",
        "note",
        "updated_at",
        "revoked_at",
        "version",
        "allowed_ips",
        "customer_id",
        "rate_limits",
        "quotas",
    ],
)
# Moves forward only, and touches nothing else: a buffered time of use cannot undo anything.
_TOUCH = Statement(
    update(api_key).where(
        api_key.c.id == bindparam("b_id"),
        key_rotations.is_later_than(api_key.c.last_used_at),
    ),
    ["last_used_at", "last_address", "last_user_agent"],
)
_REDIGEST = Statement(
    update(token).where(token.c.key_id == bindparam("b_id"), token.c.digest == bindparam("b_old")), ["digest"]
)
# The plus keeps SQLite from looking through all keys of the workspace.
_BY_SEQ = Statement(
    stored.SELECT.add_columns(api_key.c.seq).where(
        api_key.c.seq.in_(listed("seqs", BigInteger())),
        unindexed(api_key.c.workspace_id) == bindparam("workspace"),
    )
)
_SOME = Statement(
    stored.SELECT.where(api_key.c.workspace_id == bindparam("workspace"), api_key.c.id.in_(listed("keys")))
)


class KeyTable:
    """Implements the port `Keys`. What lists need is loaded with the first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, key: ApiKey, digest: TokenDigest) -> None:
        """Add a key and its one token."""
        self._connection.put_off(_insert, (key, digest))

    def get(self, workspace_id: str, key_id: str) -> ApiKey | None:
        """Return a key of the workspace, in any status."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "key": key_id})
        return self._keys([row])[0] if row else None

    def some(self, workspace_id: str, key_ids: Sequence[str]) -> list[ApiKey]:
        """Return those of the keys that the workspace has, in the order of the ids."""
        rows = self._connection.rows(_SOME, {"workspace": workspace_id, "keys": in_json(key_ids)})
        by_id = {row[stored.ID]: row for row in rows}
        return self._keys([by_id[key_id] for key_id in key_ids if key_id in by_id])

    def page(self, query: KeyQuery, now: int) -> Page[ApiKey]:
        """Return the keys that match, sorted, with the number of all that match."""
        if self._connection.is_postgres:
            from flowkeys.storage.keys.bits import page

            return page.fetch(self._connection, query, now)
        from flowkeys.storage.keys.page import fetch

        seqs, total = fetch(self._connection, query, now)
        if not seqs:
            return Page([], total)
        found = self._connection.rows(_BY_SEQ, {"workspace": query.workspace_id, "seqs": in_json(seqs)})
        by_seq = {row[-1]: row[:-1] for row in found}
        return Page(self._keys([by_seq[seq] for seq in seqs if seq in by_seq]), total)

    def made_by(self, workspace_id: str, creator_id: str) -> KeysMade:
        """Count the keys that a person or a key made, and those that were made by such keys, and so on."""
        return makers.count(self._connection, workspace_id, creator_id)

    def ids_made_by(self, workspace_id: str, creator_id: str, most: int) -> list[str]:
        """Return the ids of what `made_by` counts, the first made first, at most so many."""
        return makers.ids(self._connection, workspace_id, creator_id, most)

    def update(self, key: ApiKey) -> None:
        """Write what may change of a key, and no time of use."""
        self._connection.run(_UPDATE, {**_mutable(key), "b_workspace": key.workspace_id, "b_id": key.id})
        letters.read_new(self._connection)

    def touch(self, last_used: Mapping[str, LastUse], now: int) -> None:
        """Move last uses forward."""
        self._connection.run_many(
            _TOUCH,
            [
                {
                    "b_id": key_id,
                    **key_rotations.later(last.at, now),
                    "last_used_at": last.at,
                    "last_address": last.address,
                    "last_user_agent": last.user_agent,
                }
                for key_id, last in last_used.items()
            ],
        )

    def redigest(self, key_id: str, old: TokenDigest, new: TokenDigest) -> bool:
        """Replace a digest where `old` still stands."""
        return self._connection.run(_REDIGEST, {"b_id": key_id, "b_old": old, "digest": new}) == 1

    def any_live(self, now: int) -> bool:
        """Tell whether there is a token that could be accepted."""
        return by_secret.any_live(self._connection, now)

    def secrets(self) -> list[str]:
        """Return the ids of all secrets that tokens were made under."""
        return by_secret.secrets(self._connection)

    def count_by_secret(self, now: int) -> dict[str, int]:
        """Count the tokens that could still be accepted, by secret id."""
        counts = {secret: self.count_under(secret, now) for secret in self.secrets()}
        return {secret: total for secret, total in counts.items() if total}

    def count_under(self, secret_id: str, now: int) -> int:
        """Count the tokens made under a secret that could still be accepted."""
        return by_secret.count_under(self._connection, secret_id, now)

    def ids_by_secret(self, secret_id: str, now: int) -> list[tuple[str, str]]:
        """Return (workspace id, key id) of the keys that `count_by_secret` counts."""
        return by_secret.ids_under(self._connection, secret_id, now)

    def _keys(self, found: list[Row]) -> list[ApiKey]:
        """Return the keys of rows, with the chatflows of all of them read at once."""
        ids = {"keys": in_json([row[stored.ID] for row in found])}
        of_bindings, of_rotations = self._connection.several([(stored.BOUND, ids), (key_rotations.LAST, ids)])
        return stored.keys(self._connection, found, of_bindings, of_rotations)


def _insert(connection: Connection, made: Sequence[tuple[ApiKey, TokenDigest]]) -> None:
    connection.insert(_INSERT_KEYS, [_values(key) for key, _ in made])
    tokens = [(key.workspace_id, key.id, digest, key.hint, key.created_at, None) for key, digest in made]
    connection.insert(_INSERT_TOKENS, tokens)
    letters.read_new(connection)


def _values(key: ApiKey) -> Row:
    by = key.created_by
    values = {
        **_mutable(key),
        "id": key.id,
        "workspace_id": key.workspace_id,
        "created_by_type": by.type,
        "created_by_id": by.id,
        "created_by_name": by.name,
        "creator_tag": makers.tag_of_creator(by.id),
        "creator_folded": fold_name(by.name),
        "hint": key.hint,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "last_address": key.last_address,
        "last_user_agent": key.last_user_agent,
    }
    return tuple([values[name] for name in _KEY_PARAMETERS])


def _mutable(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "name_folded": fold_name(key.name),
        "permissions": msgspec.json.encode(sorted(key.permissions)).decode(),
        "permission_count": EVERYTHING if ALL in key.permissions else len(key.permissions),
        "status": key.status.value,
        "expires_at": key.expires_at,
        "note": key.note,
        "updated_at": key.updated_at,
        "revoked_at": key.revoked_at,
        "version": key.version,
        "allowed_ips": msgspec.json.encode(key.allowed_ips).decode() if key.allowed_ips else None,
        "customer_id": None if key.customer is None else key.customer.id,
        "rate_limits": to_store(key.rate_limits),
        "quotas": quotas_to_store(key.quotas),
    }
