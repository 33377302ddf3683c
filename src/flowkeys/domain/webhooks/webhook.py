"""A webhook, an event that is announced, and the delivery of one to the other. Times: microseconds, UTC."""

from enum import StrEnum
from typing import Any, Final

import msgspec

from flowkeys.domain.keys.api_key import Creator

EVENTS: Final = (
    "key.created",
    "key.rotated",
    "key.expiring",
    "key.expired",
    "key.disabled",
    "key.enabled",
    "key.revoked",
    "quota.threshold",
    "policy.broken",
)
"""What a webhook may ask to hear of."""
TEST_EVENT: Final = "webhook.test"
"""What somebody sends to see whether it arrives; nobody asks for it."""

URL_LENGTH: Final = 2000
MOST_WEBHOOKS: Final = 100
"""In one workspace: each key's change is written once for each that hears of it."""
LOG_DAYS: Final = 30
"""How long a delivery is in the log, after it was made."""
LOG_DELIVERIES: Final = 10_000
"""How many finished deliveries of one webhook are in the log, whatever their age."""


class State(StrEnum):
    """Whether anything is sent."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    GONE = "gone"
    """The receiver answered 410: it wants nothing more. It may be enabled again."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace's events are announced. Its secrets are not here."""

    id: str
    workspace_id: str
    url: str
    events: tuple[str, ...]
    """Sorted as `EVENTS` is."""
    note: str | None
    state: State
    created_by: Creator
    created_at: int
    updated_at: int
    version: int

    @property
    def is_enabled(self) -> bool:
        """Whether events are announced to it."""
        return self.state is State.ENABLED


class Sealed(msgspec.Struct, frozen=True):
    """A text under authenticated encryption, and the id of the server secret whose key it is under."""

    text: str
    made_under: str

    def __repr__(self) -> str:
        return f"Sealed(…, {self.made_under!r})"


class KeptSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's signing secret as it is stored."""

    id: str
    workspace_id: str
    webhook_id: str
    sealed: Sealed
    valid_until: int | None
    """When a replaced one signs no more; None: it is the present one."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, told with ids and names; never with a token or a digest."""

    id: str
    """What receivers know it by, however often it is sent: ``webhook-id``."""
    workspace_id: str
    type: str
    at: int
    data: dict[str, Any]


class Outcome(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook, and what came of it."""

    id: str
    workspace_id: str
    webhook_id: str
    event_id: str
    event_type: str
    event_at: int
    outcome: Outcome
    tries: int
    next_at: int | None
    """When it is tried next; None when that is over."""
    tried_at: int | None
    answer_code: int | None
    """The status of the last answer, where there was one."""
    failure: str | None
    """Why the last try failed, in words."""
    duration_ms: int | None
    """How long the last try took."""
    created_at: int
