"""Customers on the wire."""

from typing import Any, Literal

from pydantic import Field

from flowkeys.web.schemas.keys import READ_ONLY
from flowkeys.web.schemas.limits import QUOTAS, RATE_LIMITS, QuotaIn, QuotaOut, RateLimitIn, RateLimitOut
from flowkeys.web.schemas.wire import In, Out


class CustomerFields(In):
    """The members that may be written."""

    name: str = Field(default="", description="1 to 100 characters.", examples=["Acme Ltd"])
    external_id: str | None = Field(
        default=None,
        description="What your own systems know the customer by, at most 200 characters; "
        "no two customers of a workspace have the same.",
        examples=["crm-4711"],
    )
    meta: dict[str, Any] | None = Field(
        default=None,
        description="A JSON object of your own, at most 4 kB; it is replaced as a whole.",
        examples=[{"plan": "gold"}],
    )
    rate_limits: list[RateLimitIn] | None = Field(
        default=None, description=f"Of all of its keys together. {RATE_LIMITS}"
    )
    quotas: list[QuotaIn] | None = Field(default=None, description=f"Of all of its keys together. {QUOTAS}")


class CustomerCreate(CustomerFields):
    """A customer to be made."""

    name: str = Field(description="1 to 100 characters.", examples=["Acme Ltd"])


class CustomerUpdate(CustomerFields):
    """What is to change of a customer, or the whole customer with some of it changed."""

    id: Any = Field(default=None, description=READ_ONLY)
    status: Any = Field(default=None, description=READ_ONLY + " Use disable, enable and revoke.")
    key_count: Any = Field(default=None, description="Ignored: it moves by itself.")
    created_at: Any = Field(default=None, description=READ_ONLY)
    updated_at: Any = Field(default=None, description=READ_ONLY)
    revoked_at: Any = Field(default=None, description=READ_ONLY)
    workspace_id: Any = Field(default=None, description=READ_ONLY)


class CustomerOut(Out):
    """A customer."""

    id: str
    name: str
    external_id: str | None
    meta: dict[str, Any]
    status: Literal["active", "disabled", "revoked"]
    key_count: int = Field(description="Its keys that are not revoked.")
    rate_limits: list[RateLimitOut] = Field(
        description="How often all of its keys together may call; none: as often as each may."
    )
    quotas: list[QuotaOut] = Field(description="How much all of its keys together may use in a period.")
    created_at: str
    updated_at: str
    revoked_at: str | None
    workspace_id: str


class CustomerPageOut(Out):
    """A page of customers."""

    total: int = Field(description="All that match, on every page.")
    data: list[CustomerOut]


class DeletedOut(Out):
    """How many were deleted."""

    affected: int
