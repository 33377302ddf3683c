"""``/webhooks/{id}``: one webhook with what was sent to it; trying it, sending again, off and on."""

from typing import Final
from urllib.parse import urlencode

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.webhooks.webhook import LOG_DAYS, Outcome
from flowkeys.service.webhooks.input import WebhookPatch
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame.paging import page_number
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.webhooks import words

router = PageRouter()

SHOWN: Final = 25


@router.page("GET", "/webhooks/{webhook_id}", needs="webhooks:view")
async def view_webhook(webhook_id: str, call: PageCall) -> Response:
    """Show a webhook, and a page of its deliveries; a page beyond the last one is the last one."""
    webhook = await call.services.webhooks.get(call.caller, webhook_id)
    asked = call.query_params.get("status", "")
    status = asked if asked in words.OUTCOMES else ""
    outcome = Outcome(status) if status else None
    number = page_number(call.query_params)
    deliveries = call.services.webhooks.deliveries
    found, total = await deliveries.page(call.caller, webhook_id, outcome, SHOWN, (number - 1) * SHOWN)
    pages = max(1, -(-total // SHOWN))
    if number > pages:
        number = pages
        found, total = await deliveries.page(call.caller, webhook_id, outcome, SHOWN, (number - 1) * SHOWN)

    def at(page: int) -> str:
        query = {"status": status, "page": page} if status else {"page": page}
        return f"/webhooks/{webhook_id}?{urlencode(query)}"

    return call.render(
        "webhooks/view.html",
        title="Webhook",
        webhook=webhook,
        deliveries=found,
        total=total,
        chosen=status,
        outcomes=words.OUTCOMES,
        event_words=words.EVENTS,
        kept_days=LOG_DAYS,
        page=number,
        pages=pages,
        before=at(number - 1) if number > 1 else None,
        after=at(number + 1) if number < pages else None,
    )


@router.page("POST", "/webhooks/{webhook_id}/disable", needs="webhooks:update")
async def disable_webhook(webhook_id: str, call: PageCall) -> Response:
    """Send nothing more until it is enabled."""
    await call.services.webhooks.update(call.caller, webhook_id, WebhookPatch(enabled=False))
    return _back(call, webhook_id, "The webhook is off. What still waits goes out when it is on again.")


@router.page("POST", "/webhooks/{webhook_id}/enable", needs="webhooks:update")
async def enable_webhook(webhook_id: str, call: PageCall) -> Response:
    """Send again."""
    await call.services.webhooks.update(call.caller, webhook_id, WebhookPatch(enabled=True))
    return _back(call, webhook_id, "The webhook is on.")


@router.page("POST", "/webhooks/{webhook_id}/test", needs="webhooks:update")
async def send_test(webhook_id: str, call: PageCall) -> Response:
    """Send an event that says nothing, to see whether it arrives."""
    try:
        await call.services.webhooks.deliveries.test(call.caller, webhook_id)
    except InvalidInput as refused:  # it was turned off meanwhile
        return _back(call, webhook_id, refused.errors[0].message)
    return _back(call, webhook_id, "A test is on its way. What became of it is in the list below.")


@router.page("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend", needs="webhooks:update")
async def resend(webhook_id: str, delivery_id: str, call: PageCall) -> Response:
    """Send an event once more."""
    try:
        await call.services.webhooks.deliveries.resend(call.caller, webhook_id, delivery_id)
    except InvalidInput as refused:  # it was turned off meanwhile
        return _back(call, webhook_id, refused.errors[0].message)
    return _back(call, webhook_id, "It is sent again, as a delivery of its own.")


def _back(call: PageCall, webhook_id: str, message: str) -> Response:
    return call.done(f"/webhooks/{webhook_id}" if call.may("webhooks:view") else "/", message)
