"""Keys as their rows have them, and keys made of these, their chatflows and their rotations."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import and_, select

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import ApiKey, BoundChatflow, Creator, Status
from flowkeys.domain.keys.rotation import Rotation
from flowkeys.domain.limits.quota import QuotaUse
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.limits.stored import quotas_from, rates_from
from flowkeys.service.ports.quotas import Kind
from flowkeys.storage.elements import listed
from flowkeys.storage.keys import rotations
from flowkeys.storage.keys.spoilt import SPOILT, check_types
from flowkeys.storage.keys.terms import customer_from, networks_from
from flowkeys.storage.schema import api_key, binding, chatflow, customer
from flowkeys.storage.statement import Connection, Row, Statement
from flowkeys.storage.usage.quotas import QuotaTable

_FOR_ORDER: Final = {
    "seq",
    "name_folded",
    "permission_count",
    "chatflow_count",
    "creator_folded",
    "creator_tag",
}
_COLUMNS: Final = tuple(c for c in api_key.c if c.name not in _FOR_ORDER)

_customer_columns = (customer.c.id, customer.c.name, customer.c.external_id, customer.c.status)
SELECT: Final = select(*_COLUMNS, *_customer_columns).select_from(
    api_key.outerjoin(
        customer,
        and_(customer.c.id == api_key.c.customer_id, customer.c.workspace_id == api_key.c.workspace_id),
    )
)
_NAMES: Final = [c.name for c in _COLUMNS]
ID: Final = _NAMES.index("id")
_WORKSPACE: Final = _NAMES.index("workspace_id")
_QUOTAS: Final = _NAMES.index("quotas")

# The chatflows of some keys, the first bound first.
BOUND_OF_ANY: Final = (
    select(
        *(binding.c.key_id, chatflow.c.id, chatflow.c.name, chatflow.c.category, chatflow.c.updated_at),
        binding.c.rate_limits,
    )
    .select_from(binding.join(chatflow, chatflow.c.id == binding.c.chatflow_id))
    .order_by(binding.c.seq)
)
BOUND: Final = Statement(BOUND_OF_ANY.where(binding.c.key_id.in_(listed("keys"))))
"""The chatflows of some keys."""


def keys(
    connection: Connection, rows: Sequence[Row], of_bindings: Sequence[Row], of_rotations: Sequence[Row]
) -> list[ApiKey]:
    """Return the keys of rows, all of one workspace, with what `BOUND` and `rotations.LAST` found of them."""
    bound: dict[str, list[BoundChatflow]] = {row[ID]: [] for row in rows}
    for key_id, own, name, category, at, limits in of_bindings:
        bound[key_id].append(BoundChatflow(own, name, category, at, _limits(key_id, limits)))
    rotated = rotations.last(of_rotations)
    uses = _quota_uses(connection, rows)
    return [_key(row, tuple(bound[row[ID]]), rotated.get(row[ID]), uses.get(row[ID], ())) for row in rows]


def _quota_uses(connection: Connection, rows: Sequence[Row]) -> dict[str, tuple[QuotaUse, ...]]:
    """Return what keys with quotas have used; all of the rows are one workspace's."""
    ids = [row[ID] for row in rows if row[_QUOTAS] is not None]
    return QuotaTable(connection).uses(rows[0][_WORKSPACE], Kind.KEY, ids) if ids else {}


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
