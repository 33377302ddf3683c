"""Customers within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, bindparam, delete, insert, select, update

from flowkeys.domain.customers.customer import Customer, CustomerStatus
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import Status, fold_name
from flowkeys.domain.limits.stored import quotas_from, quotas_to_store, rates_from, to_store
from flowkeys.domain.listing import CustomerQuery, Page
from flowkeys.domain.permissions import PermissionSet
from flowkeys.service.ports.quotas import Kind
from flowkeys.storage.customers import list as customer_list
from flowkeys.storage.elements import listed
from flowkeys.storage.schema import api_key, customer
from flowkeys.storage.statement import Connection, Row, Statement, in_json
from flowkeys.storage.usage.quotas import QuotaTable

_SPOILT: Final = (ValueError, TypeError, msgspec.MsgspecError)
_KEPT: Final = {"seq", "key_count"}
_NAMES: Final = [str(c.name) for c in customer.c if c.name not in {"seq", "name_folded"}]

_own = customer.c.workspace_id == bindparam("b_workspace")
_this = (_own, customer.c.id == bindparam("b_id"))
_SELECT = select(*(customer.c[name] for name in _NAMES))
_INSERT = Statement(insert(customer), [c.name for c in customer.c if c.name not in _KEPT])
_GET = Statement(_SELECT.where(*_this))
_FIND = Statement(_SELECT.where(_own, customer.c.external_id == bindparam("external")))
_BY_SEQ = Statement(
    _SELECT.add_columns(customer.c.seq).where(customer.c.seq.in_(listed("seqs", BigInteger())))
)
_UPDATE = Statement(
    update(customer).where(*_this),
    [
        *("name", "name_folded", "external_id", "meta", "status", "updated_at", "revoked_at", "version"),
        *("rate_limits", "quotas"),
    ],
)
_DELETE = Statement(delete(customer).where(*_this))
_its_keys = (
    api_key.c.workspace_id == bindparam("b_workspace"),
    api_key.c.customer_id == bindparam("b_id"),
)
_FREE = Statement(update(api_key).where(*_its_keys), ["customer_id"])
_live = (*_its_keys, api_key.c.status != Status.REVOKED.value)
_HELD = Statement(select(api_key.c.permissions).where(*_live).distinct())
_LIVE = Statement(select(api_key.c.id).where(*_live).order_by(api_key.c.seq).limit(bindparam("most")))


class CustomerTable:
    """Implements the port `Customers`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Customer) -> None:
        """Add a customer."""
        values = {"id": item.id, "workspace_id": item.workspace_id, "created_at": item.created_at}
        self._connection.run(_INSERT, {**_mutable(item), **values})

    def get(self, workspace_id: str, customer_id: str) -> Customer | None:
        """Return a customer of the workspace, in any status."""
        row = self._connection.row(_GET, {"b_workspace": workspace_id, "b_id": customer_id})
        return self._customers([row])[0] if row else None

    def find(self, workspace_id: str, external_id: str) -> Customer | None:
        """Return who has this external id."""
        row = self._connection.row(_FIND, {"b_workspace": workspace_id, "external": external_id})
        return self._customers([row])[0] if row else None

    def page(self, query: CustomerQuery) -> Page[Customer]:
        """Return the customers that match, sorted, with the number of all that match."""
        seqs, total = customer_list.fetch(self._connection, query)
        rows = {row[-1]: row[:-1] for row in self._connection.rows(_BY_SEQ, {"seqs": in_json(seqs)})}
        return Page(self._customers([rows[seq] for seq in seqs]), total)

    def update(self, item: Customer) -> None:
        """Write what may change of a customer."""
        self._connection.run(_UPDATE, {**_mutable(item), "b_workspace": item.workspace_id, "b_id": item.id})

    def delete(self, workspace_id: str, customer_id: str) -> None:
        """Delete a customer; its keys are nobody's then."""
        values = {"b_workspace": workspace_id, "b_id": customer_id}
        self._connection.run(_FREE, {**values, "customer_id": None})
        self._connection.run(_DELETE, values)

    def permissions_of_keys(self, workspace_id: str, customer_id: str) -> list[PermissionSet]:
        """Return what keys that are not revoked hold, each set once."""
        rows = self._connection.rows(_HELD, {"b_workspace": workspace_id, "b_id": customer_id})
        try:
            return [msgspec.json.decode(text, type=PermissionSet) for (text,) in rows]
        except _SPOILT as error:
            raise Unavailable("Some of its keys cannot be read. Run: flowkeys doctor") from error

    def live_keys(self, workspace_id: str, customer_id: str, most: int) -> list[str]:
        """Return the ids of keys that are not revoked, at most so many."""
        values = {"b_workspace": workspace_id, "b_id": customer_id, "most": most}
        return [key_id for (key_id,) in self._connection.rows(_LIVE, values)]

    def _customers(self, rows: list[Row]) -> list[Customer]:
        """Return the customers of rows, all of which are one workspace's, with what they used."""
        found = [_customer(row) for row in rows]
        ids = [one.id for one in found if one.quotas]
        if not ids:
            return found
        uses = QuotaTable(self._connection).uses(found[0].workspace_id, Kind.CUSTOMER, ids)
        return [msgspec.structs.replace(one, quota_uses=uses.get(one.id, ())) for one in found]


def _customer(row: Row) -> Customer:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    try:
        values["meta"] = msgspec.json.decode(values["meta"], type=dict[str, Any])
        values["status"] = CustomerStatus(values["status"])
        values["rate_limits"] = rates_from(values["rate_limits"])
        quotas = quotas_from(values.pop("quotas"))
        made = msgspec.convert(values, Customer)
        return made if quotas is None else msgspec.structs.replace(made, quotas=quotas.all)
    except _SPOILT as error:
        raise Unavailable(
            f"The customer {values['id']} cannot be read: its row was changed by hand. Run: flowkeys doctor"
        ) from error


def _mutable(item: Customer) -> dict[str, object]:
    return {
        "name": item.name,
        "name_folded": fold_name(item.name),
        "external_id": item.external_id,
        "meta": msgspec.json.encode(item.meta).decode(),
        "status": item.status.value,
        "updated_at": item.updated_at,
        "revoked_at": item.revoked_at,
        "version": item.version,
        "rate_limits": to_store(item.rate_limits),
        "quotas": quotas_to_store(item.quotas),
    }
