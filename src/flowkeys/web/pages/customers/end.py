"""Revoking a customer with all of its keys, and deleting one without keys."""

from collections.abc import Mapping

from fastapi import Response

from flowkeys.domain.customers.customer import Customer
from flowkeys.domain.errors import Conflict
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.customers.view import facts
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("GET", "/customers/{customer_id}/revoke", needs="customers:delete")
async def ask_to_revoke(customer_id: str, call: PageCall) -> Response:
    """Say what revoking ends, and offer what can be undone."""
    return _question(call, await call.services.customers.get(call.caller, customer_id))


@router.page("POST", "/customers/{customer_id}/revoke", needs="customers:delete")
async def revoke_customer(customer_id: str, call: PageCall) -> Response:
    """Revoke the customer and all of its keys; one that has keys only by their number."""
    sent = await call.form()
    customer = await call.services.customers.get(call.caller, customer_id)
    if customer.key_count and sent.text("confirm").strip() != str(customer.key_count):
        errors = {"confirm": f"Type {customer.key_count}, the number of its keys, to confirm."}
        return _question(call, customer, errors, sent.text("confirm"))
    await call.services.customers.revoke(call.caller, customer_id)
    keys = f" and {words.count(customer.key_count, 'key')} with it" if customer.key_count else ""
    return call.done(f"/customers/{customer.id}", f"{customer.name} was revoked{keys}, for good.")


def _question(
    call: PageCall, customer: Customer, errors: Mapping[str, str] | None = None, typed: str = ""
) -> Response:
    return call.render(
        "customers/revoke.html",
        422 if errors else 200,
        title=f"Revoke {customer.name}",
        errors=errors or {},
        typed=typed,
        **facts(call, customer),
    )


@router.page("GET", "/customers/{customer_id}/delete", needs="customers:delete")
async def ask_to_delete(customer_id: str, call: PageCall) -> Response:
    """Say what deleting does."""
    return await _delete_page(customer_id, call)


@router.page("POST", "/customers/{customer_id}/delete", needs="customers:delete")
async def delete_customer(customer_id: str, call: PageCall) -> Response:
    """Delete the customer, unless it has keys that are not revoked."""
    await call.form()
    customer = await call.services.customers.get(call.caller, customer_id)
    try:
        await call.services.customers.delete(call.caller, customer_id)
    except Conflict as refused:
        return await _delete_page(customer_id, call, str(refused), 409)
    return call.done("/customers", f"{customer.name} was deleted.")


async def _delete_page(
    customer_id: str, call: PageCall, message: str | None = None, status: int = 200
) -> Response:
    customer = await call.services.customers.get(call.caller, customer_id)
    return call.render(
        "customers/delete.html",
        status,
        title=f"Delete {customer.name}",
        message=message,
        **facts(call, customer),
    )
