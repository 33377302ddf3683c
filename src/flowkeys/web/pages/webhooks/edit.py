"""``/webhooks``, ``/webhooks/new`` and ``/webhooks/{id}/edit``: all webhooks, and the fields of one."""

from collections.abc import Mapping

import msgspec
from fastapi import Response

from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.domain.webhooks.webhook import EVENTS, MOST_WEBHOOKS, Webhook
from flowkeys.service.forms.once import issue
from flowkeys.service.webhooks.input import WebhookPatch
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.webhooks import words

router = PageRouter()


class WebhookForm(msgspec.Struct, frozen=True):
    """What a person has typed so far."""

    url: str = ""
    events: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of(cls, sent: Form) -> "WebhookForm":
        """Return the form that was sent."""
        return cls(sent.text("url"), tuple(sent.all("events")), sent.text("note"))

    def patch(self) -> WebhookPatch:
        """Return what it says."""
        return WebhookPatch(url=self.url, events=self.events, note=self.note)


@router.page("GET", "/webhooks", needs="webhooks:view")
async def webhooks(call: PageCall) -> Response:
    """Show all webhooks of the workspace, the newest first."""
    found = await call.services.webhooks.all(call.caller)
    return call.render(
        "webhooks/list.html",
        title="Webhooks",
        webhooks=found,
        is_full=len(found) >= MOST_WEBHOOKS,
        most=MOST_WEBHOOKS,
        event_words=words.EVENTS,
    )


@router.page("GET", "/webhooks/new", needs="webhooks:create")
async def new_webhook(call: PageCall) -> Response:
    """Show an empty form."""
    return _form(call, WebhookForm(), issue(call.services.clock))


@router.page("POST", "/webhooks/new", needs="webhooks:create")
async def create_webhook(call: PageCall) -> Response:
    """Make the webhook and show its secret; a form that was sent before makes nothing and shows none."""
    sent = await call.form()
    form, once = WebhookForm.of(sent), sent.text("form")
    try:
        made = await call.services.webhooks.create(call.caller, form.patch(), once)
    except InvalidInput as refused:
        errors = _by_field(refused, form)
        return _form(call, form, issue(call.services.clock) if "form" in errors else once, errors)
    except AlreadySent as before:
        message = "This form was sent before: no second webhook was made. Its secret was shown then."
        return call.done(_place(call, before.subject_id), message)
    return call.render("webhooks/secret.html", title="Webhook created", made=made, is_new=True)


@router.page("GET", "/webhooks/{webhook_id}/edit", needs="webhooks:update")
async def edit_webhook(webhook_id: str, call: PageCall) -> Response:
    """Show the form as the webhook is now."""
    webhook = await call.services.webhooks.get(call.caller, webhook_id, permission="webhooks:update")
    form = WebhookForm(webhook.url, webhook.events, webhook.note or "")
    return _form(call, form, "", webhook=webhook, version=str(webhook.version))


@router.page("POST", "/webhooks/{webhook_id}/edit", needs="webhooks:update")
async def save_webhook(webhook_id: str, call: PageCall) -> Response:
    """Change the webhook, if it is still as the form showed it."""
    sent = await call.form()
    form, version = WebhookForm.of(sent), sent.text("version")
    webhook = await call.services.webhooks.get(call.caller, webhook_id, permission="webhooks:update")

    def expect(current: Webhook) -> None:
        if str(current.version) != version:
            message = "This webhook was changed after you opened this form. Open it again."
            raise InvalidInput.of("version", message)

    try:
        await call.services.webhooks.update(call.caller, webhook_id, form.patch(), expect)
    except InvalidInput as refused:
        return _form(call, form, "", _by_field(refused, form), webhook=webhook, version=version)
    return call.done(_place(call, webhook_id), "The webhook was saved.")


def _form(
    call: PageCall,
    form: WebhookForm,
    once: str,
    errors: Mapping[str, str] | None = None,
    *,
    webhook: Webhook | None = None,
    version: str = "",
) -> Response:
    return call.render(
        "webhooks/form.html",
        422 if errors else 200,
        title="Create a webhook" if webhook is None else "Edit a webhook",
        form=form,
        once=once,
        errors=errors or {},
        webhook=webhook,
        version_shown=version,
        events=[(event, words.EVENTS[event]) for event in EVENTS],
    )


def _place(call: PageCall, webhook_id: str) -> str:
    return f"/webhooks/{webhook_id}" if call.may("webhooks:view") else "/"


def _by_field(refused: InvalidInput, form: WebhookForm) -> dict[str, str]:
    found = {error.field: error.message for error in refused.errors}
    if "events" in found and not form.events:
        found["events"] = "Choose at least one."
    return found
