"""``/webhooks``: where events are announced, and what was sent there."""

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response

from flowkeys.domain.webhooks.webhook import Outcome, Webhook
from flowkeys.service.webhooks.input import WebhookPatch
from flowkeys.web.api.lists import PageLimit, PageNumber, Slice, list_response
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas import webhook_json as render
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.schemas.webhooks import (
    DeliveryOut,
    DeliveryPageOut,
    MadeWebhookOut,
    SecretReplace,
    WebhookCreate,
    WebhookFields,
    WebhookOut,
    WebhookUpdate,
)
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Webhooks"])

_BODY: Final = ("validation_failed", "invalid_json", "too_large")
_WRITABLE: Final = {"url", "events", "note", "enabled"}


@router.on("POST", "/webhooks", needs="webhooks:create", answers=MadeWebhookOut, status=201, errors=_BODY)
async def create_webhook(body: WebhookCreate, call: Call) -> Response:
    """Make a webhook. Its `secret` is in this answer alone."""
    made = await call.services.webhooks.create(call.caller, _patch(body))
    location = {"Location": f"/api/v1/webhooks/{made.webhook.id}"}
    return json_response(render.made_webhook(made), 201, location)


@router.on("GET", "/webhooks", needs="webhooks:view", answers=list[WebhookOut])
async def list_webhooks(call: Call) -> Response:
    """List webhooks, newest first."""
    found = await call.services.webhooks.all(call.caller)
    return json_response([render.webhook(item) for item in found])


@router.on("GET", "/webhooks/{webhook_id}", needs="webhooks:view", answers=WebhookOut, errors=("not_found",))
async def get_webhook(webhook_id: str, call: Call) -> Response:
    """Return a webhook."""
    return json_response(render.webhook(await call.services.webhooks.get(call.caller, webhook_id)))


@router.on(
    "PUT",
    "/webhooks/{webhook_id}",
    needs="webhooks:update",
    answers=WebhookOut,
    errors=("not_found", *_BODY),
)
async def update_webhook(webhook_id: str, body: WebhookUpdate, call: Call) -> Response:
    """Change what is sent of a webhook; the whole webhook may be put back with some of it changed."""
    read_only = body.model_dump(by_alias=True, include=body.model_fields_set - _WRITABLE)

    def expect(current: Webhook) -> None:
        require_unchanged(read_only, render.webhook(current))

    changed = await call.services.webhooks.update(call.caller, webhook_id, _patch(body), expect)
    return json_response(render.webhook(changed))


@router.on(
    "DELETE", "/webhooks/{webhook_id}", needs="webhooks:delete", answers=AffectedOut, errors=("not_found",)
)
async def delete_webhook(webhook_id: str, call: Call) -> Response:
    """Delete a webhook with its log. What was not delivered yet never is."""
    await call.services.webhooks.delete(call.caller, webhook_id)
    return json_response({"raw": [], "affected": 1})


@router.on(
    "POST",
    "/webhooks/{webhook_id}/replace-secret",
    needs="webhooks:update",
    answers=MadeWebhookOut,
    status=201,
    errors=("not_found", *_BODY),
)
async def replace_secret(webhook_id: str, body: SecretReplace, call: Call) -> Response:
    """Give a webhook another secret, in this answer alone. For `graceSeconds` both sign."""
    made = await call.services.webhooks.replace_secret(call.caller, webhook_id, body.grace_seconds)
    return json_response(render.made_webhook(made), 201)


@router.on(
    "POST",
    "/webhooks/{webhook_id}/test",
    needs="webhooks:update",
    answers=DeliveryOut,
    status=201,
    errors=("not_found", "validation_failed"),
)
async def send_test(webhook_id: str, call: Call) -> Response:
    """Send the event `webhook.test`; the deliveries say what became of it."""
    made = await call.services.webhooks.deliveries.test(call.caller, webhook_id)
    return json_response(render.delivery(made), 201)


@router.on(
    "GET",
    "/webhooks/{webhook_id}/deliveries",
    needs="webhooks:view",
    answers=list[DeliveryOut] | DeliveryPageOut,
    errors=("not_found", "validation_failed"),
)
async def list_deliveries(
    webhook_id: str,
    call: Call,
    status: Annotated[Literal["pending", "delivered", "failed"] | None, Query()] = None,
    page: PageNumber = None,
    limit: PageLimit = None,
) -> Response:
    """List what was sent to a webhook, newest first: the newest 1,000, or with `page` one page."""
    part = Slice.of(page, limit)
    outcome = None if status is None else Outcome(status)
    found, total = await call.services.webhooks.deliveries.page(
        call.caller, webhook_id, outcome, part.limit, part.offset
    )
    return list_response(call, part, [render.delivery(item) for item in found], total, linked=False)


@router.on(
    "POST",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    needs="webhooks:update",
    answers=DeliveryOut,
    status=201,
    errors=("not_found", "validation_failed"),
)
async def resend_delivery(webhook_id: str, delivery_id: str, call: Call) -> Response:
    """Send an event once more, under the same `webhook-id`; the answer is the new delivery."""
    made = await call.services.webhooks.deliveries.resend(call.caller, webhook_id, delivery_id)
    return json_response(render.delivery(made), 201)


def _patch(body: WebhookFields) -> WebhookPatch:
    """Return what was sent of a webhook, as values."""
    values: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set & _WRITABLE}
    if "events" in values:
        values["events"] = tuple(values["events"])
    return WebhookPatch(**values)
