"""Webhooks and deliveries as they are sent."""

from flowkeys.domain.times import to_iso
from flowkeys.domain.webhooks.webhook import Delivery, Webhook
from flowkeys.service.webhooks.webhooks import MadeWebhook
from flowkeys.web import render
from flowkeys.web.render import Json


def webhook(item: Webhook) -> Json:
    """Return a webhook, without its secret."""
    return {
        "id": item.id,
        "url": item.url,
        "events": list(item.events),
        "note": item.note,
        "enabled": item.is_enabled,
        "state": item.state.value,
        "createdAt": to_iso(item.created_at),
        "updatedAt": to_iso(item.updated_at),
        "createdBy": render.creator(item.created_by),
        "workspaceId": item.workspace_id,
    }


def made_webhook(made: MadeWebhook) -> Json:
    """Return a webhook with its new secret: the one answer that shows it."""
    return {**webhook(made.webhook), "secret": made.secret.reveal()}


def delivery(item: Delivery) -> Json:
    """Return how far the delivery of an event is."""
    return {
        "id": item.id,
        "webhookId": item.webhook_id,
        "eventId": item.event_id,
        "eventType": item.event_type,
        "eventAt": to_iso(item.event_at),
        "status": item.outcome.value,
        "tries": item.tries,
        "nextTryAt": time_of(item.next_at),
        "triedAt": time_of(item.tried_at),
        "answerCode": item.answer_code,
        "failure": item.failure,
        "durationMs": item.duration_ms,
        "createdAt": to_iso(item.created_at),
    }


def time_of(at: int | None) -> str | None:
    """Return a time, where there is one."""
    return None if at is None else to_iso(at)
