"""``/keys/new``: a form that makes a key, and the one page that shows its token."""

from collections.abc import Mapping

import msgspec
from fastapi import Response

from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.service.forms.once import issue
from flowkeys.service.keys.rotations import MadeKey
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.chatflows.snippets import VARIABLE, snippets
from flowkeys.web.pages.keys import customers as key_customers
from flowkeys.web.pages.keys.choices import chatflow_choices, permission_choices
from flowkeys.web.pages.keys.form import KeyForm, by_field
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("GET", "/keys/new", needs="apikeys:create")
async def new_key(call: PageCall) -> Response:
    """Show an empty form; `?chatflow=` and `?customer=` name those that are chosen already."""
    chatflow_ids = tuple(call.query_params.getlist("chatflow"))
    customer = await key_customers.named(call, call.query_params.get("customer", ""))
    form = KeyForm(chatflow_ids=chatflow_ids, customer=customer)
    return await _form(call, form, issue(call.services.clock))


@router.page("GET", "/keys/new/customers", needs="customers:view")
async def find_customers(call: PageCall) -> Response:
    """Suggest customers for what is typed in the form of a key."""
    found = await key_customers.suggested(call, call.query_params.get("customer", ""))
    return call.render("customers/choices.html", customers=found)


@router.page("GET", "/keys/new/chatflows", needs="chatflows:view")
async def find_chatflows(call: PageCall) -> Response:
    """Show the chatflows that a search finds, for a form that is open: what is chosen stays.

    Raises:
        Forbidden: the person may not bind chatflows, and has no use for this.
    """
    call.caller.require("chatflows:update")
    query = call.query_params
    chosen = tuple(dict.fromkeys(query.getlist("chatflowIds")))
    form = KeyForm(search=query.get("chatflowSearch", ""), chatflow_ids=chosen)
    choices = await chatflow_choices(call.services.chatflows, call.caller, form)
    return call.render("keys/chatflow_choices.html", chatflows=choices)


@router.page("POST", "/keys/new", needs="apikeys:create")
async def create_key(call: PageCall) -> Response:
    """Make the key and show its token; a form that was sent before makes nothing and shows no token."""
    sent = await call.form()
    form, once = KeyForm.of(sent), sent.text("form")
    if form.is_unfinished:
        return await _form(call, form, once)
    try:
        new = form.new_key(call.caller, call.services.clock())
        new = msgspec.structs.replace(new, customer_id=await key_customers.chosen(call, form))
        made = await call.services.keyring.create(call.caller, new, once)
    except InvalidInput as refused:
        errors = by_field(refused.errors)
        value = issue(call.services.clock) if "form" in errors else once
        return await _form(call, form, value, errors)
    except AlreadySent as before:
        return call.render("keys/sent.html", 409, title="Sent before", key_id=before.subject_id)
    return show_token(call, made, title="Key created")


async def _form(
    call: PageCall, form: KeyForm, once: str, errors: Mapping[str, str] | None = None
) -> Response:
    return call.render(
        "keys/create.html",
        422 if errors else 200,
        title="Create an API key",
        form=form,
        once=once,
        errors=errors or {},
        chatflows=await chatflow_choices(call.services.chatflows, call.caller, form),
        permissions=permission_choices(call.caller, form.permissions),
        keep=None,
    )


def show_token(call: PageCall, made: MadeKey, *, title: str) -> Response:
    """Show the token of a key that was just made or rotated: the one page that ever does."""
    chatflows = made.key.chatflows
    return call.render(
        "keys/created.html",
        title=title,
        heading=title,
        rotation=made.key.rotation,
        rotation_ends_at=None
        if (found := made.key.rotation_at(call.services.clock())) is None
        else found.ends_at,
        key=made.key,
        token=made.token.reveal(),
        variable=VARIABLE,
        snippets=snippets(call.address, chatflow_id=chatflows[0].id if chatflows else None),
    )
