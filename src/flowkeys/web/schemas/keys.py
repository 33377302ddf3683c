"""Keys on the wire."""

from typing import Any, Literal

from pydantic import Field

from flowkeys.domain.keys.networks import MAX_ADDRESS_LENGTH
from flowkeys.domain.keys.rotation import DEFAULT_GRACE_SECONDS, MAX_GRACE_SECONDS, MIN_UNUSED_SECONDS
from flowkeys.web.requests.body import MAX_TOKEN_LENGTH, MAX_TOKENS
from flowkeys.web.schemas.limits import (
    QUOTAS,
    RATE_LIMITS,
    LimitLeftOut,
    QuotaIn,
    QuotaLeftOut,
    QuotaOut,
    RateLimitIn,
    RateLimitOut,
)
from flowkeys.web.schemas.wire import In, Out

READ_ONLY = "Accepted only when it equals the current value, so that a whole key can be put back."


class KeyFields(In):
    """The members that may be written."""

    key_name: str = Field(default="", description="1 to 100 characters.", examples=["Production Backend"])
    chatflow_ids: list[str] = Field(default=[], description="The whole set of chatflows that the key opens.")
    permissions: list[str] = Field(
        default=[], description="For management; the names are Flowise's. None opens a chatflow."
    )
    expires_at: str | None = Field(default=None, description="ISO 8601, or null for never.")
    expires_in: str | None = Field(default=None, description="Instead of expiresAt.", examples=["90d", "12h"])
    note: str | None = Field(default=None, description="For people; at most 2000 characters.")
    allowed_ips: list[str] | None = Field(
        default=None,
        description="Addresses and networks (CIDR) that calls may come from, at most 100; none: anywhere.",
        examples=[["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"]],
    )
    customer_id: str | None = Field(
        default=None, description="The customer that the key belongs to; null: none. Needs customers:update."
    )
    rate_limits: list[RateLimitIn] | None = Field(default=None, description=RATE_LIMITS)
    quotas: list[QuotaIn] | None = Field(default=None, description=QUOTAS)


class KeyCreate(KeyFields):
    """A key to be made."""

    key_name: str = Field(description="1 to 100 characters.", examples=["Production Backend Service"])


class KeyUpdate(KeyFields):
    """What is to change of a key, or the whole key with some of it changed."""

    id: Any = Field(default=None, description=READ_ONLY)
    api_key: Any = Field(default=None, description=READ_ONLY)
    chat_flows: Any = Field(default=None, description=READ_ONLY)
    status: Any = Field(default=None, description=READ_ONLY + " Use disable, enable and delete.")
    last_used_at: Any = Field(default=None, description="Ignored when it is an earlier reading.")
    last_address: Any = Field(default=None, description="Ignored.")
    last_user_agent: Any = Field(default=None, description="Ignored.")
    created_at: Any = Field(default=None, description=READ_ONLY)
    created_date: Any = Field(default=None, description=READ_ONLY)
    updated_at: Any = Field(default=None, description=READ_ONLY)
    updated_date: Any = Field(default=None, description=READ_ONLY)
    created_by: Any = Field(default=None, description=READ_ONLY)
    workspace_id: Any = Field(default=None, description=READ_ONLY)
    customer: Any = Field(default=None, description="Ignored: write customerId.")
    rotation: Any = Field(default=None, description="Ignored when it is an earlier reading. Use /rotation.")
    unused_permissions: Any = Field(default=None, description="Ignored: write permissions.")


class KeyChatflow(In):
    """A chatflow that a key opens."""

    id: str
    rate_limits: list[RateLimitIn] | None = Field(
        default=None, description="How often the key may call it, beside the key's own limits."
    )


class KeyChatflows(In):
    """The whole set of chatflows that a key opens."""

    chatflow_ids: list[str]


class RotationBegin(In):
    """How a key is to be rotated."""

    grace_seconds: int = Field(
        default=DEFAULT_GRACE_SECONDS,
        description=f"The old token works for so long: 0 (it leaked) to {MAX_GRACE_SECONDS}.",
    )
    finish_when_unused_seconds: int | None = Field(
        default=None,
        description=f"End the old token when it was not used for so long: from {MIN_UNUSED_SECONDS} on.",
    )


class RotationChange(In):
    """When the old token is to end instead."""

    grace_seconds: int = Field(description=f"From now: 0 (at once) to {MAX_GRACE_SECONDS}.")


class BoundChatflowOut(Out):
    """A chatflow that a key opens."""

    id: str
    flow_name: str
    category: str | None
    updated_date: str
    rate_limits: list[RateLimitOut] = Field(
        description="How often the key may call it, beside its own limits."
    )


class CreatorOut(Out):
    """Who made a key."""

    type: Literal["key", "person", "operator"]
    id: str | None
    name: str


class RotationOut(Out):
    """A rotation that is under way: the token before, which still works, and how it was used since."""

    api_key: str = Field(description="The old token, masked.")
    started_at: str
    ends_at: str = Field(description="From then on the old token is refused.")
    finish_when_unused_seconds: int | None = Field(
        description="The old token ends sooner when it was not used for so long."
    )
    last_used_at: str | None
    last_address: str | None = Field(description="Where the old token was used from last, if that is known.")
    last_user_agent: str | None = Field(description="What used it last, as it calls itself; cut off.")
    uses: int = Field(description="How often it was used since it was replaced.")


class VerifiedCustomerOut(Out):
    """The customer of a key that was verified."""

    id: str
    external_id: str | None
    name: str


class KeyCustomerOut(VerifiedCustomerOut):
    """The customer of a key: unless it is active, the key is refused."""

    status: Literal["active", "disabled", "revoked"]


class KeyOut(Out):
    """A key, its token masked."""

    id: str
    key_name: str
    api_key: str = Field(description="Masked.", examples=["fl-••••••••••••••••••a1B2"])
    permissions: list[str]
    chat_flows: list[BoundChatflowOut]
    status: Literal["active", "disabled", "expired", "revoked"]
    expires_at: str | None
    last_used_at: str | None
    last_address: str | None = Field(description="Where it was used from then, if that is known.")
    last_user_agent: str | None = Field(description="What used it then, as it calls itself; cut off.")
    created_at: str
    created_date: str
    updated_at: str
    updated_date: str
    created_by: CreatorOut
    workspace_id: str
    note: str | None
    allowed_ips: list[str] = Field(description="Where calls may come from; none: from anywhere.")
    rate_limits: list[RateLimitOut] = Field(description="How often it may call; none: no limit.")
    quotas: list[QuotaOut] = Field(description="How much it may use in a period, and what it has used.")
    rotation: RotationOut | None = Field(description="Null unless the token before still works.")
    customer_id: str | None
    customer: KeyCustomerOut | None = Field(description="Whom the key belongs to.")
    unused_permissions: list[str] | None = Field(
        default=None,
        description="In the report unused-permissions only: those that no call has used.",
    )


class MadeKeyOut(KeyOut):
    """A key that was just made: the only answer that ever holds its token."""

    api_key: str = Field(description="The token, shown this once.", pattern="^fl-[0-9A-Za-z]{32}$")
    api_secret: str = Field(description="What is stored of it: a keyed hash, of no use to anyone else.")


class KeyPageOut(Out):
    """A page of keys."""

    total: int = Field(description="All that match, on every page.")
    data: list[KeyOut]


class AffectedOut(Out):
    """How many were changed."""

    raw: list[Any]
    affected: int


class KeyIds(In):
    """The keys that something is to be done to."""

    ids: list[str] = Field(description="1 to 1,000 ids of keys; one that is named twice counts once.")


class BulkOut(Out):
    """What became of the keys that were named."""

    affected: int = Field(description="How many were changed.")
    unchanged: int = Field(description="How many were so already.")
    skipped: list[str] = Field(description="Revoked keys, which can be neither disabled nor enabled: ids.")


class VerifyIn(In):
    """What to ask about: the caller itself, one token, or up to 100.

    No member takes null: a gateway that has no token at hand must not be told about itself.
    """

    token: str = Field(default="", max_length=MAX_TOKEN_LENGTH)
    tokens: list[str] = Field(default=[], max_length=MAX_TOKENS)
    chatflow_id: str = Field(default="", description="May it call this chatflow?")
    permission: str = Field(default="", description="Does it hold this permission?")
    address: str = Field(
        default="",
        max_length=MAX_ADDRESS_LENGTH,
        description="Where the call comes from that is asked about. Without it a token that is bound to "
        "networks is refused, and whoever asks about itself is asked about from where this call comes.",
        examples=["203.0.113.7"],
    )
    count: bool = Field(
        default=False,
        strict=True,
        description="Whether this is a call, which counts against the limits of the key in question.",
    )


class VerifiedOut(Out):
    """The decision about one token."""

    valid: bool
    code: str = Field(description="`valid`, or why not.", examples=["valid", "expired_key"])
    detail: str | None = None
    id: str | None = None
    key_name: str | None = None
    workspace_id: str | None = None
    permissions: list[str] | None = None
    chatflow_ids: list[str] | None = None
    expires_at: str | None = None
    token_valid_until: str | None = Field(default=None, description="When a replaced token ends.")
    allowed_ips: list[str] | None = Field(
        default=None, description="Where calls may come from; none: from anywhere."
    )
    policy_allowed_ips: list[str] | None = Field(
        default=None,
        description="Where calls with any key of the workspace may come from, too.",
    )
    token_replaced_at: str | None = Field(
        default=None, description="When a new token replaced the one that was asked about."
    )
    customer: VerifiedCustomerOut | None = Field(default=None, description="Whom the key belongs to.")
    retry_after_seconds: int | None = Field(default=None, description="How long a limited key has to wait.")
    limits_left: list[LimitLeftOut] | None = Field(
        default=None, description="With count, of a key with limits: what is left of each."
    )
    quotas_left: list[QuotaLeftOut] | None = Field(
        default=None, description="With count, of a key with quotas: what is left of each."
    )
    position: int | None = Field(
        default=None, description="Of the change feed: changes up to there are in this answer."
    )


class VerifiedManyOut(Out):
    """The decisions about several tokens, in their order."""

    results: list[VerifiedOut]
