"""Calls about webhooks, and what they return."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, nothing, path, query
from flowkeys.client.models import Wire


class Webhook(Wire, frozen=True, kw_only=True):
    """Where events are announced."""

    id: str
    url: str
    events: list[str] = msgspec.field(default_factory=list)
    note: str | None = None
    enabled: bool = True
    state: str = "enabled"
    """``enabled``, ``disabled``, or ``gone``: the receiver answered 410."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    workspace_id: str | None = None


class NewWebhook(Webhook, frozen=True, kw_only=True):
    """A webhook with its new secret, which is in no other answer."""

    secret: str

    def __repr__(self) -> str:
        return f"NewWebhook(id={self.id!r}, url={self.url!r}, secret='whsec_…')"


class Delivery(Wire, frozen=True, kw_only=True):
    """One event on its way to a webhook, and what came of it."""

    id: str
    webhook_id: str
    event_id: str
    """What receivers get as ``webhook-id``."""
    event_type: str
    event_at: datetime
    status: str
    """``pending``, ``delivered`` or ``failed``."""
    tries: int = 0
    next_try_at: datetime | None = None
    tried_at: datetime | None = None
    answer_code: int | None = None
    failure: str | None = None
    duration_ms: int | None = None


_ROOT: Final = "webhooks"
_WEBHOOK: Final = as_type(Webhook)
_MADE: Final = as_type(NewWebhook)
_WEBHOOKS: Final = as_listing(list[Webhook])
_DELIVERY: Final = as_type(Delivery)
_DELIVERIES: Final = as_listing(list[Delivery])


def create(
    url: str, events: Sequence[str], *, note: str | UnsetType | None = UNSET, enabled: bool = True
) -> Call[NewWebhook]:
    """Create a webhook that hears of `events`. Its `secret` is in this answer alone."""
    body = given(url=url, events=list(events), note=note, enabled=enabled)
    return Call(method="POST", path=path(_ROOT), body=body, decode=_MADE, repeatable=False)


def every() -> Call[Listing[Webhook]]:
    """Iterate over all webhooks, newest first."""
    return Call(method="GET", path=path(_ROOT), decode=_WEBHOOKS)


def get(webhook: Ref) -> Call[Webhook]:
    """Return one webhook."""
    return Call(method="GET", path=path(_ROOT, webhook), decode=_WEBHOOK)


def update(
    webhook: Ref,
    *,
    url: str | UnsetType = UNSET,
    events: Sequence[str] | UnsetType = UNSET,
    note: str | UnsetType | None = UNSET,
    enabled: bool | UnsetType = UNSET,
) -> Call[Webhook]:
    """Change what is given and leave the rest."""
    wanted = events if isinstance(events, UnsetType) else list(events)
    body = given(url=url, events=wanted, note=note, enabled=enabled)
    return Call(method="PUT", path=path(_ROOT, webhook), body=body, decode=_WEBHOOK)


def delete(webhook: Ref) -> Call[None]:
    """Delete a webhook with its log."""
    return Call(method="DELETE", path=path(_ROOT, webhook), decode=nothing)


def replace_secret(webhook: Ref, grace_seconds: int | UnsetType = UNSET) -> Call[NewWebhook]:
    """Give a webhook another secret, in this answer alone; both sign for so long, a day unless given."""
    body = given(graceSeconds=grace_seconds)
    where = path(_ROOT, webhook, "replace-secret")
    return Call(method="POST", path=where, body=body, decode=_MADE, repeatable=False)


def test(webhook: Ref) -> Call[Delivery]:
    """Send the event ``webhook.test``; the deliveries say what became of it."""
    return Call(method="POST", path=path(_ROOT, webhook, "test"), decode=_DELIVERY, repeatable=False)


def deliveries(webhook: Ref, *, status: str | None = None) -> Call[Listing[Delivery]]:
    """Iterate over what was sent to a webhook, newest first, at most the newest 1,000."""
    where = path(_ROOT, webhook, "deliveries")
    return Call(method="GET", path=where, params=query(status=status), decode=_DELIVERIES)


def resend(webhook: Ref, delivery: Ref) -> Call[Delivery]:
    """Send an event once more, as a delivery of its own."""
    where = path(_ROOT, webhook, "deliveries", delivery, "resend")
    return Call(method="POST", path=where, decode=_DELIVERY, repeatable=False)
