"""``/customers/{id}``: what there is to know about a customer, with its keys; disabling and enabling it."""

from typing import Any, Final

from fastapi import Response

from flowkeys.domain.customers.customer import Customer, CustomerStatus
from flowkeys.domain.limits.gcra import CUSTOMER
from flowkeys.domain.listing import KeyQuery
from flowkeys.service.keys.standing import left_of_scope
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.limits.quotas import standings_of
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

KEYS: Final = 12
"""Keys that the page shows; the list of keys has all of them."""


@router.page("GET", "/customers/{customer_id}", needs="customers:view")
async def view_customer(customer_id: str, call: PageCall) -> Response:
    """Show a customer in any status, with its newest keys and the buttons that would work."""
    customer = await call.services.customers.get(call.caller, customer_id)
    now = call.services.clock()
    keys = None
    if call.may("apikeys:view"):
        query = KeyQuery(workspace_id="", customer_id=customer.id, status="all", limit=KEYS)
        keys = await call.services.keyring.page(call.caller, query)
    return call.render(
        "customers/view.html",
        title=customer.name,
        keys=keys,
        statuses={} if keys is None else {key.id: key.status_at(now).value for key in keys.items},
        left=await left_of_scope(call.services.verifier, CUSTOMER, customer.id, customer.rate_limits),
        standings=standings_of(customer, now),
        **facts(call, customer),
    )


@router.page("POST", "/customers/{customer_id}/disable", needs="customers:update")
async def disable_customer(customer_id: str, call: PageCall) -> Response:
    """Refuse all keys of the customer until it is enabled again."""
    customer = await call.services.customers.disable(call.caller, customer_id)
    return call.done(_path(customer), f"{customer.name} was disabled. Calls with its keys are refused.")


@router.page("POST", "/customers/{customer_id}/enable", needs="customers:update")
async def enable_customer(customer_id: str, call: PageCall) -> Response:
    """Accept the customer's keys again."""
    customer = await call.services.customers.enable(call.caller, customer_id)
    said = "Keys that were disabled themselves stay so." if customer.key_count else ""
    return call.done(_path(customer), f"{customer.name} was enabled. {said}".strip())


def facts(call: PageCall, customer: Customer) -> dict[str, Any]:
    """Return what templates say about a customer, and what the person may do to it."""
    alive = customer.status is not CustomerStatus.REVOKED
    has_keys = customer.key_count > 0
    may_switch = call.may("customers:update") and (not has_keys or call.may("apikeys:update"))
    may_revoke = call.may("customers:delete") and (not has_keys or call.may("apikeys:delete"))
    return {
        "customer": customer,
        "is_disabled": customer.status is CustomerStatus.DISABLED,
        "may_edit": alive and call.may("customers:update"),
        "may_switch": alive and may_switch,
        "may_revoke": (alive or has_keys) and may_revoke,
        "may_delete": not has_keys and call.may("customers:delete"),
        "may_add": alive and call.may("apikeys:create", "customers:update"),
    }


def _path(customer: Customer) -> str:
    return f"/customers/{customer.id}"
