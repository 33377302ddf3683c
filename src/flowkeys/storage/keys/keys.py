"""Keys and their tokens within one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, and_, bindparam, insert, select, update

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import ApiKey, BoundChatflow, Creator, Status, fold_name
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.rotation import LastUse, Rotation
from flowkeys.domain.limits.quota import QuotaUse
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.limits.stored import quotas_from, quotas_to_store, rates_from, to_store
from flowkeys.domain.listing import KeyQuery, Page
from flowkeys.domain.permissions import ALL
from flowkeys.service.ports.keys.makers import KeysMade
from flowkeys.service.ports.quotas import Kind
from flowkeys.storage.elements import listed, unindexed
from flowkeys.storage.keys import by_secret, letters, makers
from flowkeys.storage.keys import rotations as key_rotations
from flowkeys.storage.keys.spoilt import SPOILT, check_types
from flowkeys.storage.keys.terms import customer_from, networks_from
from flowkeys.storage.schema import api_key, binding, chatflow, customer, token
from flowkeys.storage.statement import Connection, Insertion, Row, Statement, in_json
from flowkeys.storage.usage.quotas import QuotaTable

EVERYTHING: Final = 1_000_000
"""As how many permissions a key counts that holds all there are, and those to come."""

_FOR_ORDER: Final = {
    "seq",
    "name_folded",
    "permission_count",
    "chatflow_count",
    "creator_folded",
    "creator_tag",
}
_COLUMNS: Final = tuple(c for c in api_key.c if c.name not in _FOR_ORDER)
_KEY_PARAMETERS: Final = [c.name for c in api_key.c if c.name not in {"seq", "chatflow_count"}]

_customer_columns = (customer.c.id, customer.c.name, customer.c.external_id, customer.c.status)
_SELECT = select(*_COLUMNS, *_customer_columns).select_from(
    api_key.outerjoin(
        customer,
        and_(customer.c.id == api_key.c.customer_id, customer.c.workspace_id == api_key.c.workspace_id),
    )
)
_NAMES: Final = [c.name for c in _COLUMNS]
_ID: Final = _NAMES.index("id")
_WORKSPACE: Final = _NAMES.index("workspace_id")
_QUOTAS: Final = _NAMES.index("quotas")

_INSERT_KEYS = Insertion(lambda rows: insert(api_key).values(rows), _KEY_PARAMETERS, by_halves=True)
_TOKEN: Final = ("workspace_id", "key_id", "digest", "hint", "created_at", "valid_until")
_INSERT_TOKENS = Insertion(lambda rows: insert(token).values(rows), _TOKEN, by_halves=True)
_GET = Statement(
    _SELECT.where(api_key.c.workspace_id == bindparam("workspace"), api_key.c.id == bindparam("key"))
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
    _SELECT.add_columns(api_key.c.seq).where(
        api_key.c.seq.in_(listed("seqs", BigInteger())),
        unindexed(api_key.c.workspace_id) == bindparam("workspace"),
    )
)
_SOME = Statement(
    _SELECT.where(api_key.c.workspace_id == bindparam("workspace"), api_key.c.id.in_(listed("keys")))
)
# The chatflows of some keys, the first bound first.
_BOUND = Statement(
    select(
        *(binding.c.key_id, chatflow.c.id, chatflow.c.name, chatflow.c.category, chatflow.c.updated_at),
        binding.c.rate_limits,
    )
    .select_from(binding.join(chatflow, chatflow.c.id == binding.c.chatflow_id))
    .where(binding.c.key_id.in_(listed("keys")))
    .order_by(binding.c.seq)
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
        by_id = {row[_ID]: row for row in rows}
        return self._keys([by_id[key_id] for key_id in key_ids if key_id in by_id])

    def page(self, query: KeyQuery, now: int) -> Page[ApiKey]:
        """Return the keys that match, sorted, with the number of all that match."""
        if self._connection.is_postgres:
            from flowkeys.storage.keys.bit_page import fetch
        else:
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

    def _keys(self, rows: list[Row]) -> list[ApiKey]:
        """Return the keys of rows, with the chatflows of all of them read at once."""
        bound: dict[str, list[BoundChatflow]] = {row[_ID]: [] for row in rows}
        ids = {"keys": in_json(list(bound))}
        of_bindings, of_rotations = self._connection.several([(_BOUND, ids), (key_rotations.LAST, ids)])
        for key_id, own, name, category, at, limits in of_bindings:
            bound[key_id].append(BoundChatflow(own, name, category, at, _limits(key_id, limits)))
        rotations = key_rotations.last(of_rotations)
        uses = self._quota_uses(rows)
        return [
            _key(row, tuple(bound[row[_ID]]), rotations.get(row[_ID]), uses.get(row[_ID], ())) for row in rows
        ]

    def _quota_uses(self, rows: list[Row]) -> dict[str, tuple[QuotaUse, ...]]:
        """Return what keys with quotas have used; all of the rows are one workspace's."""
        ids = [row[_ID] for row in rows if row[_QUOTAS] is not None]
        return QuotaTable(self._connection).uses(rows[0][_WORKSPACE], Kind.KEY, ids) if ids else {}


def _insert(connection: Connection, made: Sequence[tuple[ApiKey, TokenDigest]]) -> None:
    connection.insert(_INSERT_KEYS, [_values(key) for key, _ in made])
    tokens = [(key.workspace_id, key.id, digest, key.hint, key.created_at, None) for key, digest in made]
    connection.insert(_INSERT_TOKENS, tokens)
    letters.read_new(connection)


def _key(
    row: Row,
    chatflows: tuple[BoundChatflow, ...],
    rotation: Rotation | None,
    quota_uses: tuple[QuotaUse, ...],
) -> ApiKey:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    creator = Creator(*(values.pop(f"created_by_{part}") for part in ("type", "id", "name")))
    try:
        check_types(values["name"], values["expires_at"])
        values["permissions"] = msgspec.json.decode(values["permissions"], type=frozenset[str])
        values["status"] = Status(values["status"])
        values["allowed_ips"] = networks_from(values["allowed_ips"])
        belongs = values.pop("customer_id") is not None
        values["customer"] = customer_from(*row[len(_NAMES) :]) if belongs else None
        values["rate_limits"] = rates_from(values["rate_limits"])
        quotas = quotas_from(values["quotas"])
        values["quotas"] = () if quotas is None else quotas.all
    except SPOILT as error:
        raise Unavailable(
            f"The key {values['id']} cannot be read: its row was changed by hand. Run: flowkeys doctor"
        ) from error
    return ApiKey(**values, created_by=creator, chatflows=chatflows, rotation=rotation, quota_uses=quota_uses)


def _limits(key_id: str, stored: str | None) -> tuple[RateLimit, ...]:
    try:
        return rates_from(stored)
    except SPOILT as error:
        raise Unavailable(
            f"The limits of the key {key_id} on a chatflow cannot be read: they were changed by hand."
        ) from error


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
