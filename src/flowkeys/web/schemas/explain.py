"""Explanations on the wire."""

from typing import Literal

from pydantic import Field

from flowkeys.domain.keys.networks import MAX_ADDRESS_LENGTH
from flowkeys.web.schemas.wire import In, Out


class ExplainIn(In):
    """The token to explain."""

    token: str = Field(max_length=1024)
    chatflow_id: str = Field(default="", description="May it call this chatflow?")
    permission: str = Field(default="", description="Does it hold this permission?")
    address: str = Field(
        default="",
        max_length=MAX_ADDRESS_LENGTH,
        description="Where the call comes from that is asked about.",
        examples=["203.0.113.7"],
    )


class StepOut(Out):
    """One thing that was looked at."""

    step: Literal[
        "form", "known", "status", "expiry", "customer", "network", "chatflow", "permission", "limit", "quota"
    ]
    ok: bool | None = Field(description="null: not looked at, since an earlier step failed.")
    detail: str


class ExplainedOut(Out):
    """The decision about one token, and its steps in the order in which they are decided."""

    valid: bool
    code: str = Field(description="`valid`, or why not.", examples=["valid", "expired_key"])
    detail: str | None = None
    api_key: str | None = Field(
        description="Masked; null when it has not the form of a key.", examples=["fl-••••••••••••••••••a1B2"]
    )
    id: str | None = None
    key_name: str | None = None
    steps: list[StepOut]
