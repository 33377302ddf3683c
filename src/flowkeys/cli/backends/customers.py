"""Customers, as both backends have them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UnsetType

from flowkeys.cli.backends.part import Json, Listed, Part, listed, slice_of
from flowkeys.domain.limits.quota_fields import quota_json
from flowkeys.service.customers.input import CustomerPatch, NewCustomer

Action = Literal["disable", "enable", "revoke"]


class CustomerFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which customers of a list, and in which order."""

    search: str = ""
    status: str | None = None
    external_id: str | None = None
    sort: str = "-createdAt"


class Customers(Protocol):
    """What commands do with customers; things come back in their wire form."""

    def create(self, new: NewCustomer) -> Json:
        """Make a customer."""
        ...

    def get(self, customer_id: str) -> Json:
        """Return a customer."""
        ...

    def page(self, wanted: CustomerFilter, part: Part) -> Listed:
        """Return the customers that match: an array, or a page when one is asked for."""
        ...

    def update(self, customer_id: str, patch: CustomerPatch) -> Json:
        """Change what the patch names."""
        ...

    def change(self, action: Action, customer_id: str) -> Json:
        """Disable, enable or revoke a customer with all of its keys."""
        ...

    def delete(self, customer_id: str) -> None:
        """Delete a customer without live keys."""
        ...


class LocalCustomers:
    """Implements `Customers` by calling the service."""

    def __init__(self, run: Callable[[Any], Any], service: Any, caller: Any) -> None:
        """Run coroutines of `service`, a `CustomerService`, with `run`, as `caller`."""
        self._run = run
        self._service = service
        self._caller = caller

    def create(self, new: NewCustomer) -> Json:
        """Make a customer."""
        return self._shown(self._service.create(self._caller, new))

    def get(self, customer_id: str) -> Json:
        """Return a customer."""
        return self._shown(self._service.get(self._caller, customer_id))

    def page(self, wanted: CustomerFilter, part: Part) -> Listed:
        """Return customers."""
        from flowkeys import bootstrap
        from flowkeys.domain.customers.customer import CustomerStatus
        from flowkeys.domain.listing import CustomerQuery
        from flowkeys.web import render

        limit, offset = slice_of(part)
        status = wanted.status
        query = CustomerQuery(
            workspace_id=self._caller.workspace_id,
            search=wanted.search,
            status="all" if status == "all" else CustomerStatus(status) if status else None,
            external_id=wanted.external_id,
            sort=wanted.sort.removeprefix("-"),  # type: ignore[arg-type]  # the command checks it
            descending=wanted.sort.startswith("-"),
            limit=limit,
            offset=offset,
        )
        found = self._run(self._service.page(self._caller, query))
        now = bootstrap.clock()
        return listed(part, [render.customer(item, now) for item in found.items], found.total)

    def update(self, customer_id: str, patch: CustomerPatch) -> Json:
        """Change a customer."""
        return self._shown(self._service.update(self._caller, customer_id, patch))

    def change(self, action: Action, customer_id: str) -> Json:
        """Disable, enable or revoke a customer."""
        return self._shown(getattr(self._service, action)(self._caller, customer_id))

    def delete(self, customer_id: str) -> None:
        """Delete a customer."""
        self._run(self._service.delete(self._caller, customer_id))

    def _shown(self, work: Any) -> Json:
        from flowkeys import bootstrap
        from flowkeys.web import render

        return render.customer(self._run(work), bootstrap.clock())


class RemoteCustomers:
    """Implements `Customers` by calling the API."""

    def __init__(self, call: Callable[..., Any]) -> None:
        """Send with `call`: method, path, and by name body and params."""
        self._call = call

    def create(self, new: NewCustomer) -> Json:
        """Make a customer."""
        body = {
            "name": new.name,
            "externalId": new.external_id,
            "meta": new.meta,
            "rateLimits": list(new.rate_limits),
            "quotas": [quota_json(quota) for quota in new.quotas],
        }
        return self._json("POST", "customers", body=body)

    def get(self, customer_id: str) -> Json:
        """Return a customer."""
        return self._json("GET", "customers", customer_id)

    def page(self, wanted: CustomerFilter, part: Part) -> Listed:
        """Return customers."""
        from flowkeys.client.call import path, query

        params = query(
            search=wanted.search or None,
            status=wanted.status,
            externalId=wanted.external_id,
            sort=wanted.sort,
            page=part.page,
            limit=part.limit,
        )
        found: Listed = self._call("GET", path("customers"), params=params)
        return found

    def update(self, customer_id: str, patch: CustomerPatch) -> Json:
        """Change a customer."""
        values: Mapping[str, Any] = {
            "name": patch.name,
            "externalId": patch.external_id,
            "meta": patch.meta,
            "rateLimits": patch.rate_limits,
            "quotas": patch.quotas
            if isinstance(patch.quotas, UnsetType)
            else [quota_json(quota) for quota in patch.quotas],
        }
        body = {name: value for name, value in values.items() if not isinstance(value, UnsetType)}
        return self._json("PUT", "customers", customer_id, body=body)

    def change(self, action: Action, customer_id: str) -> Json:
        """Disable, enable or revoke a customer."""
        return self._json("POST", "customers", customer_id, action)

    def delete(self, customer_id: str) -> None:
        """Delete a customer."""
        self._json("DELETE", "customers", customer_id)

    def _json(self, method: str, *where: str, body: Any = msgspec.UNSET) -> Json:
        from flowkeys.client.call import path

        answer: Json = self._call(method, path(*where), body=body)
        return answer
