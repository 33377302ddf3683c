"""``/customers``: whom keys belong to, and what is done to all keys of one."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response

from flowkeys.domain.customers.customer import Customer, CustomerStatus
from flowkeys.domain.limits.quota import Quota
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.listing import CustomerQuery, CustomerSort
from flowkeys.service.customers.input import CustomerPatch, NewCustomer
from flowkeys.service.limits import read_limits, read_quotas
from flowkeys.web import render
from flowkeys.web.api.lists import Before, PageLimit, PageNumber, SearchText, Slice, list_response
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.customers import (
    CustomerCreate,
    CustomerFields,
    CustomerOut,
    CustomerPageOut,
    CustomerUpdate,
    DeletedOut,
)
from flowkeys.web.schemas.limits import quotas_of
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Customers"])

_WRITABLE: Final = frozenset(CustomerFields.model_fields)
_BODY: Final = ("validation_failed", "invalid_json", "too_large")
_STATUS: Final = ("not_found", "validation_failed")
_SORTS = tuple(f"{sign}{name}" for name in CustomerSort.__args__ for sign in ("", "-"))  # type: ignore[attr-defined]


@router.on("POST", "/customers", needs="customers:create", answers=CustomerOut, status=201, errors=_BODY)
async def create_customer(body: CustomerCreate, call: Call) -> Response:
    """Make a customer. Keys are given to it by their `customerId`."""
    new = NewCustomer(
        name=body.name,
        external_id=body.external_id,
        meta=body.meta,
        rate_limits=_limits(body),
        quotas=_quotas(body),
    )
    made = await call.services.customers.create(call.caller, new)
    return json_response(_shown(call, made), 201, {"Location": f"/api/v1/customers/{made.id}"})


@router.on(
    "GET",
    "/customers",
    needs="customers:view",
    answers=list[CustomerOut] | CustomerPageOut,
    errors=("validation_failed",),
)
async def list_customers(
    call: Call,
    search: SearchText = "",
    status: Annotated[
        Literal["active", "disabled", "revoked", "all"] | None,
        Query(description="Without it, every customer but the revoked ones."),
    ] = None,
    external_id: Annotated[
        str | None, Query(alias="externalId", max_length=200, description="Exactly this one.")
    ] = None,
    sort: Annotated[Literal[_SORTS], Query(description="`-` is descending.")] = "-createdAt",  # type: ignore[valid-type]
    page: PageNumber = None,
    limit: PageLimit = None,
    before: Before = None,
) -> Response:
    """List customers: an array, or with `page` one page and the number of all that match.

    `search` is a part of the name or of the external id.
    """
    part = Slice.of(page, limit)
    query = CustomerQuery(
        workspace_id=call.caller.workspace_id,
        search=search,
        status="all" if status == "all" else CustomerStatus(status) if status else None,
        external_id=external_id,
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        limit=part.limit,
        offset=part.offset,
        before=before,
    )
    found = await call.services.customers.page(call.caller, query)
    items = [_shown(call, item) for item in found.items]
    return list_response(call, part, items, found.total, linked=sort == "-createdAt")


@router.on(
    "GET", "/customers/{customer_id}", needs="customers:view", answers=CustomerOut, errors=("not_found",)
)
async def get_customer(customer_id: str, call: Call) -> Response:
    """Return a customer. `GET /apikey?customerId=` lists its keys."""
    return json_response(_shown(call, await call.services.customers.get(call.caller, customer_id)))


@router.on(
    "PUT",
    "/customers/{customer_id}",
    needs="customers:update",
    answers=CustomerOut,
    errors=("not_found", *_BODY),
)
async def update_customer(customer_id: str, body: CustomerUpdate, call: Call) -> Response:
    """Change what is sent of a customer; the whole customer may be put back with some of it changed.

    While it has keys, a change of `rateLimits` needs `apikeys:update` and what they hold.
    """
    sent = body.given()
    fields: dict[str, Any] = {name: value for name, value in sent.items() if name in _WRITABLE}
    if "rate_limits" in fields:
        fields["rate_limits"] = _limits(body)
    if "quotas" in fields:
        fields["quotas"] = _quotas(body)
    patch = CustomerPatch(**fields)
    read_only = body.model_dump(by_alias=True, include=body.model_fields_set - _WRITABLE)

    def expect(current: Customer) -> None:
        require_unchanged(read_only, _shown(call, current), {"keyCount": _whatever})

    customer = await call.services.customers.update(call.caller, customer_id, patch, expect)
    return json_response(_shown(call, customer))


@router.on(
    "POST",
    "/customers/{customer_id}/disable",
    needs="customers:update",
    answers=CustomerOut,
    errors=_STATUS,
)
async def disable_customer(customer_id: str, call: Call) -> Response:
    """Refuse all keys of a customer until it is enabled again.

    While it has keys, this needs `apikeys:update` and what they hold.
    """
    return json_response(_shown(call, await call.services.customers.disable(call.caller, customer_id)))


@router.on(
    "POST", "/customers/{customer_id}/enable", needs="customers:update", answers=CustomerOut, errors=_STATUS
)
async def enable_customer(customer_id: str, call: Call) -> Response:
    """Accept a customer's keys again, but for those that were disabled themselves.

    While it has keys, this needs `apikeys:update` and what they hold.
    """
    return json_response(_shown(call, await call.services.customers.enable(call.caller, customer_id)))


@router.on(
    "POST",
    "/customers/{customer_id}/revoke",
    needs="customers:delete",
    answers=CustomerOut,
    errors=("not_found",),
)
async def revoke_customer(customer_id: str, call: Call) -> Response:
    """Revoke a customer and all of its keys for good. Their names and histories stay.

    While it has keys, this needs `apikeys:delete` and what they hold.
    """
    return json_response(_shown(call, await call.services.customers.revoke(call.caller, customer_id)))


@router.on(
    "DELETE",
    "/customers/{customer_id}",
    needs="customers:delete",
    answers=DeletedOut,
    errors=("not_found", "customer_has_keys"),
)
async def delete_customer(customer_id: str, call: Call) -> Response:
    """Delete a customer that has no keys but revoked ones, which belong to nobody then."""
    await call.services.customers.delete(call.caller, customer_id)
    return json_response({"affected": 1})


def _limits(body: CustomerFields) -> tuple[RateLimit, ...]:
    return read_limits([each.as_given() for each in body.rate_limits or ()])


def _whatever(_sent: Any, _now: Any) -> bool:
    """Tell that any earlier reading will do."""
    return True


def _quotas(body: CustomerFields) -> tuple[Quota, ...]:
    return read_quotas(quotas_of(body.quotas))


def _shown(call: Call, customer: Customer) -> render.Json:
    return render.customer(customer, call.services.clock())
