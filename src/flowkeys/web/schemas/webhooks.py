"""Webhooks on the wire."""

from typing import Any, Literal

from pydantic import Field

from flowkeys.domain.webhooks.webhook import EVENTS
from flowkeys.service.webhooks.input import GRACE_SECONDS
from flowkeys.web.schemas.keys import CreatorOut
from flowkeys.web.schemas.wire import In, Out

_READ_ONLY = "Accepted only when it equals the current value, so that a whole webhook can be put back."


class WebhookFields(In):
    """The members that may be written."""

    url: str = Field(
        default="",
        description="Where events are posted to: https, and a public address unless the operator listed it.",
        examples=["https://example.com/flowkeys"],
    )
    events: list[str] = Field(default=[], description=f"At least one of: {', '.join(EVENTS)}.")
    note: str | None = Field(default=None, description="For people; at most 2000 characters.")
    enabled: bool = Field(default=True, description="Whether anything is sent.")


class WebhookCreate(WebhookFields):
    """A webhook to be made."""

    url: str = Field(
        description="Where events are posted to: https, and a public address unless the operator listed it.",
        examples=["https://example.com/flowkeys"],
    )
    events: list[str] = Field(
        description=f"At least one of: {', '.join(EVENTS)}.", examples=[["key.expiring", "key.revoked"]]
    )


class WebhookUpdate(WebhookFields):
    """What is to change of a webhook, or the whole webhook with some of it changed."""

    id: Any = Field(default=None, description=_READ_ONLY)
    state: Any = Field(default=None, description=_READ_ONLY + " Use enabled.")
    created_at: Any = Field(default=None, description=_READ_ONLY)
    updated_at: Any = Field(default=None, description=_READ_ONLY)
    created_by: Any = Field(default=None, description=_READ_ONLY)
    workspace_id: Any = Field(default=None, description=_READ_ONLY)


class SecretReplace(In):
    """How long a replaced secret goes on signing."""

    grace_seconds: int = Field(
        default=GRACE_SECONDS, description="Both sign for so long, so that receivers can change over."
    )


class WebhookOut(Out):
    """A webhook, without its secret."""

    id: str
    url: str
    events: list[str]
    note: str | None
    enabled: bool
    state: Literal["enabled", "disabled", "gone"] = Field(
        description="`gone`: the receiver answered 410, so that nothing is sent until it is enabled again."
    )
    created_at: str
    updated_at: str
    created_by: CreatorOut
    workspace_id: str


class MadeWebhookOut(WebhookOut):
    """A webhook with its new secret: the only answer that holds it."""

    secret: str = Field(description="Shown this once.", pattern="^whsec_")


class DeliveryOut(Out):
    """One event on its way to a webhook, and what came of it."""

    id: str
    webhook_id: str
    event_id: str = Field(description="What receivers get as `webhook-id`, however often it is sent.")
    event_type: str
    event_at: str
    status: Literal["pending", "delivered", "failed"]
    tries: int
    next_try_at: str | None
    tried_at: str | None
    answer_code: int | None = Field(description="The status of the last answer, where there was one.")
    failure: str | None = Field(description="Why the last try failed, in words.")
    duration_ms: int | None
    created_at: str


class DeliveryPageOut(Out):
    """A page of deliveries."""

    total: int
    data: list[DeliveryOut]
