"""The policy of a workspace on the wire."""

from datetime import datetime
from typing import Any

from pydantic import Field

from flowkeys.web.schemas.keys import KeyOut
from flowkeys.web.schemas.wire import In, Out


class PolicyUpdate(In):
    """What is to change of the policy, or the whole of it with some of it changed."""

    max_lifetime_days: int | None = Field(default=None, description="How long a key may live.")
    expiry_required: bool = Field(default=False, description="Whether each key has to have an end.")
    rotate_after_days: int | None = Field(
        default=None, description="After how long people are reminded to rotate a key; nothing is refused."
    )
    max_keys_per_person: int | None = Field(
        default=None, description="Usable keys of one person, those included that their keys made."
    )
    allowed_ips: list[str] | None = Field(
        default=None,
        description="Where calls with any key of the workspace may come from, besides what each key says.",
        examples=[["10.0.0.0/8"]],
    )
    updated_at: Any = Field(default=None, description="Accepted only when it equals the current value.")


class PolicyOut(Out):
    """The policy."""

    max_lifetime_days: int | None
    expiry_required: bool
    rotate_after_days: int | None
    max_keys_per_person: int | None
    allowed_ips: list[str]
    updated_at: str | None


class BreachOut(Out):
    """A policy that a key does not keep to."""

    policy: str
    field: str = Field(description="The member of the key that is to change.")
    message: str
    action: str = Field(description="What to do: `update` the key, or `rotate` it.")
    latest: datetime | None = Field(description="The latest end that the key may have, if that is wrong.")


class BrokenKeyOut(Out):
    """A key that does not keep to the policy."""

    key: KeyOut
    breaches: list[BreachOut]


class KeysOfPersonOut(Out):
    """Somebody with more keys than the policy allows."""

    id: str
    name: str
    keys: int = Field(description="Those that can be used, or enabled.")


class PolicyCheckOut(Out):
    """What does not keep to the policy."""

    total: int = Field(description="Keys in all; at most 1,000 are in data.")
    data: list[BrokenKeyOut]
    people: list[KeysOfPersonOut]
