"""The customer in a key's form: what is typed is an external id, a name or an id."""

from typing import Final

from flowkeys.domain.customers.customer import Customer
from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.ids import is_id
from flowkeys.domain.listing import CustomerQuery
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.keys.form import KeyForm

SUGGESTED: Final = 20
_LONGEST: Final = 200


async def chosen(call: PageCall, form: KeyForm) -> str | None:
    """Return the id of the customer that a form names, or None.

    Raises:
        InvalidInput: naming ``customerId``: there is none, or several have the name.
    """
    text = (form.customer or "")[:_LONGEST]
    if not text:
        return None
    if is_id(text):
        return text
    customers = call.services.customers
    by_id = await customers.page(call.caller, CustomerQuery(workspace_id="", external_id=text, limit=1))
    if by_id.items:
        return by_id.items[0].id
    found = await customers.page(call.caller, CustomerQuery(workspace_id="", search=text))
    named = [item for item in found.items if item.name.casefold() == text.casefold()]
    if len(named) > 1:
        message = "Several customers have this name. Write the external id, or the id that its page shows."
        raise InvalidInput.of("customerId", message)
    if not named:
        raise InvalidInput.of("customerId", "There is no such customer. Choose one that is suggested.")
    return named[0].id


async def suggested(call: PageCall, typed: str) -> list[Customer]:
    """Return customers whose name or external id has what is typed, the newest first."""
    query = CustomerQuery(workspace_id="", search=typed.strip()[:_LONGEST], limit=SUGGESTED)
    return (await call.services.customers.page(call.caller, query)).items


async def named(call: PageCall, customer_id: str) -> str | None:
    """Return what stands in the field for a customer; nothing where there is none."""
    if not customer_id or not call.may("customers:view"):
        return None
    try:
        found = await call.services.customers.get(call.caller, customer_id)
    except NotFound:
        return None
    return found.external_id or found.name
