"""The customer: whom a key belongs to, with a name and an id of the operator's own."""

from enum import StrEnum
from typing import Any, Final

import msgspec

from flowkeys.domain.limits.quota import Quota, Quotas, QuotaUse
from flowkeys.domain.limits.rate import Limits, RateLimit

NAME_LENGTH: Final = 100
EXTERNAL_ID_LENGTH: Final = 200
META_BYTES: Final = 4096
"""Of a customer's `meta` as JSON without spaces, in UTF-8."""


class CustomerStatus(StrEnum):
    """What is stored. Keys of a customer that is not active are refused."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REVOKED = "revoked"
    """For good."""


class KeyCustomer(msgspec.Struct, frozen=True):
    """What is known with each key of the customer that it belongs to: keys of one share this."""

    id: str
    name: str
    external_id: str | None = None
    status: CustomerStatus = CustomerStatus.ACTIVE
    limits: Limits | None = None
    """How often all of its keys together may call."""
    quotas: Quotas | None = None
    """How much all its keys together may use in a period."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer as people manage it. Times are microseconds since 1970, UTC."""

    id: str
    workspace_id: str
    name: str
    external_id: str | None
    """What the operator's own systems know it by; no two of a workspace have the same."""
    meta: dict[str, Any]
    """A JSON object of the operator's own."""
    status: CustomerStatus
    created_at: int
    updated_at: int
    revoked_at: int | None
    version: int
    key_count: int = 0
    """Keys that are not revoked."""
    rate_limits: tuple[RateLimit, ...] = ()
    """How often all of its keys together may call; none: as often as each may."""
    quotas: tuple[Quota, ...] = ()
    """How much all its keys together may use in a period; none: as much as they like."""
    quota_uses: tuple[QuotaUse, ...] = ()
    """What they have used, as far as that is kept: while it has quotas."""
    tokens_reserved: int = 0
    """By runs that are under way."""
