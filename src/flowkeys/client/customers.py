"""Calls about customers, and what they return."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, nothing, path, query
from flowkeys.client.limits import Quota, QuotaList, RateLimit, RateLimits, wire_limits, wire_quotas
from flowkeys.client.models import Page, Wire


class Customer(Wire, frozen=True, kw_only=True):
    """A customer: whom keys belong to."""

    id: str
    name: str
    external_id: str | None = None
    meta: dict[str, Any] = msgspec.field(default_factory=dict)
    status: str = "active"
    key_count: int = 0
    """Keys that are not revoked."""
    rate_limits: list[RateLimit] = msgspec.field(default_factory=list)
    quotas: list[Quota] = msgspec.field(default_factory=list)
    """How often all of its keys together may call; none: as often as each may."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    revoked_at: datetime | None = None
    workspace_id: str | None = None


_ROOT: Final = "customers"
_CUSTOMER: Final = as_type(Customer)
_CUSTOMERS: Final = as_listing(list[Customer])
_PAGE: Final = as_type(Page[Customer])


def create(
    name: str,
    *,
    external_id: str | UnsetType | None = UNSET,
    meta: dict[str, Any] | UnsetType | None = UNSET,
    rate_limits: RateLimits | UnsetType | None = UNSET,
    quotas: QuotaList | UnsetType | None = UNSET,
) -> Call[Customer]:
    """Create a customer. Keys are given to it by `customer_id`.

    `external_id` is what your own systems know it by: no two of a workspace have the same. `meta` is a JSON
    object of your own, of at most 4 kB. `rate_limits` (``["1000/day"]``) and `quotas` (``["5000/month"]``)
    hold for all of its keys together.
    """
    body = given(name=name, externalId=external_id, meta=meta)
    body |= given(rateLimits=wire_limits(rate_limits), quotas=wire_quotas(quotas))
    return Call(method="POST", path=path(_ROOT), body=body, decode=_CUSTOMER, repeatable=False)


def every(
    *, search: str | None = None, status: str | None = None, external_id: str | None = None
) -> Call[Listing[Customer]]:
    """Iterate over all customers that match, newest first; revoked ones only with `status` revoked or all.

    `search` is a part of the name or of the external id, `external_id` exactly that one.
    """
    params = query(search=search, status=status, externalId=external_id)
    return Call(method="GET", path=path(_ROOT), params=params, decode=_CUSTOMERS)


def page(
    *,
    search: str | None = None,
    status: str | None = None,
    external_id: str | None = None,
    sort: str | None = None,
    page: int = 1,
    limit: int = 20,
) -> Call[Page[Customer]]:
    """Return one page of the customers that match, and how many match in all.

    `sort` is ``createdAt``, ``name``, ``externalId``, ``status``, ``keys`` or ``updatedAt``, with ``-``
    before it for descending: ``-createdAt`` unless given.
    """
    params = query(search=search, status=status, externalId=external_id, sort=sort, page=page, limit=limit)
    return Call(method="GET", path=path(_ROOT), params=params, decode=_PAGE)


def get(customer: Ref) -> Call[Customer]:
    """Return one customer."""
    return Call(method="GET", path=path(_ROOT, customer), decode=_CUSTOMER)


def update(
    customer: Ref,
    *,
    name: str | UnsetType = UNSET,
    external_id: str | UnsetType | None = UNSET,
    meta: dict[str, Any] | UnsetType | None = UNSET,
    rate_limits: RateLimits | UnsetType | None = UNSET,
    quotas: QuotaList | UnsetType | None = UNSET,
) -> Call[Customer]:
    """Change what is given and leave the rest; `meta`, `rate_limits` and `quotas` are replaced as a whole.

    ``rate_limits=None`` and ``quotas=None`` take away what its keys share.
    """
    body = given(name=name, externalId=external_id, meta=meta)
    body |= given(rateLimits=wire_limits(rate_limits), quotas=wire_quotas(quotas))
    return Call(method="PUT", path=path(_ROOT, customer), body=body, decode=_CUSTOMER)


def disable(customer: Ref) -> Call[Customer]:
    """Refuse all keys of the customer until it is enabled again."""
    return Call(method="POST", path=path(_ROOT, customer, "disable"), decode=_CUSTOMER)


def enable(customer: Ref) -> Call[Customer]:
    """Accept the customer's keys again, but for those that were disabled themselves."""
    return Call(method="POST", path=path(_ROOT, customer, "enable"), decode=_CUSTOMER)


def revoke(customer: Ref) -> Call[Customer]:
    """Refuse the customer and all of its keys for ever."""
    return Call(method="POST", path=path(_ROOT, customer, "revoke"), decode=_CUSTOMER)


def delete(customer: Ref) -> Call[None]:
    """Delete a customer that has no keys but revoked ones, which belong to nobody then."""
    return Call(method="DELETE", path=path(_ROOT, customer), decode=nothing)
