"""Calls about the policy of the workspace."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from flowkeys.client.call import Call, as_type, given, path
from flowkeys.client.models import Key, Wire


class Policy(Wire, frozen=True, kw_only=True):
    """What a workspace asks of all its keys; None and an empty list ask for nothing."""

    max_lifetime_days: int | None = None
    expiry_required: bool = False
    rotate_after_days: int | None = None
    max_keys_per_person: int | None = None
    allowed_ips: tuple[str, ...] = ()
    updated_at: datetime | None = None


class PolicyBreach(Wire, frozen=True, kw_only=True):
    """A policy that a key does not keep to; both names are the wire's."""

    policy: str
    field: str
    message: str
    action: str
    """``update`` or ``rotate``."""
    latest: datetime | None = None
    """The latest end that the key may have, if that is what is wrong."""


class BrokenKey(Wire, frozen=True, kw_only=True):
    """A key that does not keep to the policy."""

    key: Key
    breaches: list[PolicyBreach]


class KeysOfPerson(Wire, frozen=True, kw_only=True):
    """Somebody with more keys than the policy allows."""

    id: str
    name: str
    keys: int


class PolicyCheck(Wire, frozen=True, kw_only=True):
    """What does not keep to the policy: how many keys in all, of which at most 1,000 are in `data`."""

    total: int
    data: list[BrokenKey]
    people: tuple[KeysOfPerson, ...] = ()


_POLICY: Final = as_type(Policy)
_CHECK: Final = as_type(PolicyCheck)


def get() -> Call[Policy]:
    """Return the policy."""
    return Call(method="GET", path=path("policy"), decode=_POLICY)


def update(
    *,
    max_lifetime_days: int | UnsetType | None = UNSET,
    expiry_required: bool | UnsetType = UNSET,
    rotate_after_days: int | UnsetType | None = UNSET,
    max_keys_per_person: int | UnsetType | None = UNSET,
    allowed_ips: Iterable[str] | UnsetType | None = UNSET,
) -> Call[Policy]:
    """Change what is given of the policy and leave the rest; None takes a part away.

    Keys that break it stay as they are: `check` names them. Networks bind every call from the next one on.
    """
    body = given(
        maxLifetimeDays=max_lifetime_days,
        expiryRequired=expiry_required,
        rotateAfterDays=rotate_after_days,
        maxKeysPerPerson=max_keys_per_person,
        allowedIps=allowed_ips if isinstance(allowed_ips, UnsetType) else list(allowed_ips or ()),
    )
    return Call(method="PUT", path=path("policy"), body=body, decode=_POLICY)


def check() -> Call[PolicyCheck]:
    """Return the keys that do not keep to the policy, with what to do about each."""
    return Call(method="GET", path=path("policy", "check"), decode=_CHECK)
