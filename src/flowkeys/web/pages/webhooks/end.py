"""Another secret for a webhook, and the end of one."""

from collections.abc import Mapping
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.domain.webhooks.webhook import Webhook
from flowkeys.service.forms.once import issue
from flowkeys.service.webhooks.input import GRACE_SECONDS
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

GRACES: Final = (3600, 86_400, 7 * 86_400, 30 * 86_400)
"""For how many seconds a replaced secret may go on signing; 0 is offered too."""


@router.page("GET", "/webhooks/{webhook_id}/secret", needs="webhooks:update")
async def ask_for_secret(webhook_id: str, call: PageCall) -> Response:
    """Ask how long the old secret is to sign too."""
    webhook = await call.services.webhooks.get(call.caller, webhook_id, permission="webhooks:update")
    return _question(call, webhook, issue(call.services.clock), str(GRACE_SECONDS))


@router.page("POST", "/webhooks/{webhook_id}/secret", needs="webhooks:update")
async def replace_secret(webhook_id: str, call: PageCall) -> Response:
    """Make another secret and show it; a form that was sent before makes none."""
    sent = await call.form()
    once, grace = sent.text("form"), sent.text("grace")
    webhook = await call.services.webhooks.get(call.caller, webhook_id, permission="webhooks:update")
    if grace not in {"0", *map(str, GRACES)}:
        return _question(call, webhook, once, grace, {"graceSeconds": "Choose how long the old one signs."})
    try:
        made = await call.services.webhooks.replace_secret(call.caller, webhook_id, int(grace), once)
    except InvalidInput as refused:
        errors = {error.field: error.message for error in refused.errors}
        return _question(call, webhook, issue(call.services.clock), grace, errors)
    except AlreadySent:
        message = "This form was sent before: the secret was replaced then, and shown."
        return call.done(f"/webhooks/{webhook_id}" if call.may("webhooks:view") else "/", message)
    return call.render("webhooks/secret.html", title="Secret replaced", made=made, is_new=False)


@router.page("GET", "/webhooks/{webhook_id}/delete", needs="webhooks:delete")
async def ask_to_delete(webhook_id: str, call: PageCall) -> Response:
    """Say what deleting does."""
    webhook = await call.services.webhooks.get(call.caller, webhook_id, permission="webhooks:delete")
    return call.render("webhooks/delete.html", title="Delete a webhook", webhook=webhook)


@router.page("POST", "/webhooks/{webhook_id}/delete", needs="webhooks:delete")
async def delete_webhook(webhook_id: str, call: PageCall) -> Response:
    """Delete the webhook with its log."""
    await call.form()
    await call.services.webhooks.delete(call.caller, webhook_id)
    return call.done("/webhooks" if call.may("webhooks:view") else "/", "The webhook was deleted.")


def _question(
    call: PageCall, webhook: Webhook, once: str, grace: str, errors: Mapping[str, str] | None = None
) -> Response:
    return call.render(
        "webhooks/replace.html",
        422 if errors else 200,
        title="Replace a secret",
        webhook=webhook,
        once=once,
        grace=grace,
        graces=[(str(each), words.duration(each)) for each in GRACES],
        errors=errors or {},
    )
