"""What a workspace asks of all its keys, and what it is that a key does not keep to."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Final, Literal

import msgspec

from flowkeys.domain.addresses import network_from
from flowkeys.domain.times import DAY, to_iso

MAX_DAYS: Final = 36_500
MAX_KEYS_PER_PERSON: Final = 1_000_000
ROTATION: Final = "rotateAfterDays"
"""The policy that reminds and refuses nothing."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of a workspace; as it is made, it asks for nothing."""

    max_lifetime_days: int | None = None
    """How long a key may live, from when it was made or last rotated."""
    expiry_required: bool = False
    rotate_after_days: int | None = None
    """After how long people are reminded to rotate a key. Nothing is refused for that."""
    max_keys_per_person: int | None = None
    """Keys that can still be used, those included that were made by a person's keys."""
    allowed_ips: tuple[str, ...] = ()
    """Where calls with keys may come from, whatever a key says of itself; none: from anywhere."""
    updated_at: int | None = None
    version: int = 0


class Breach(msgspec.Struct, frozen=True):
    """A policy that a key does not keep to."""

    policy: str
    """The policy, and `field` the member of the key, as they are called on the wire."""
    field: str
    message: str
    latest: int | None = None
    """The latest end that the policies allow, if they name one and no other end would do."""
    is_too_late: bool = False
    """Whether `latest` has passed, so that no end keeps to the policy before the key is rotated."""

    @property
    def action(self) -> Literal["update", "rotate"]:
        """What is to be done to the key, or first to be done."""
        return "rotate" if self.policy == ROTATION or self.is_too_late else "update"


def breaches_of_end(
    policy: Policy, began_at: int, expires_at: int | None, now: int | None = None
) -> list[Breach]:
    """Return what is wrong with the end of a key that was made, or last rotated, at `began_at`.

    With `now`, what can be done about it is said too: an end that has passed cannot be set.
    """
    days = policy.max_lifetime_days
    latest = None if days is None else began_at + days * DAY
    if expires_at is None and policy.expiry_required:
        by = "" if latest is None else f", by {to_iso(latest)} at the latest"
        name, message = "expiryRequired", f"The policy expiryRequired asks for an end{by}."
    elif days is not None and latest is not None and (expires_at is None or expires_at > latest):
        name, by = "maxLifetimeDays", to_iso(latest)
        message = f"The policy maxLifetimeDays lets a key live for {_days(days)}: it has to end by {by}."
    else:
        return []
    is_too_late = latest is not None and now is not None and latest <= now
    if is_too_late:
        message += " That has passed: rotate the key, which begins anew, and then set its end."
    return [Breach(name, "expiresAt", message, latest, is_too_late)]


def breaches_of_networks(policy: Policy, allowed_ips: Iterable[str]) -> list[Breach]:
    """Return what is wrong with the networks of a key; one without any has the policy's."""
    if not policy.allowed_ips:
        return []
    within = _collapsed(policy.allowed_ips)
    outside = [text for text in allowed_ips if not _lies_in(network_from(text), within)]
    if not outside:
        return []
    networks = ", ".join(policy.allowed_ips)
    message = f"The policy allowedIps lets calls come from {networks} only. Not in it: {', '.join(outside)}."
    return [Breach("allowedIps", "allowedIps", message)]


def breaches_of_age(policy: Policy, began_at: int, now: int) -> list[Breach]:
    """Return the reminder to rotate a key, if it is due."""
    days = policy.rotate_after_days
    if days is None or now < began_at + days * DAY:
        return []
    age = (now - began_at) // DAY
    message = f"Its token is {_days(age)} old; the policy rotateAfterDays has it rotated after {_days(days)}."
    return [Breach(ROTATION, "createdAt", message)]


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def breach_of_number(policy: Policy, total: int) -> Breach | None:
    """Return what is wrong when a person has so many keys that can be used."""
    most = policy.max_keys_per_person
    if most is None or total <= most:
        return None
    message = f"The policy maxKeysPerPerson allows {most}. Revoke one that is not needed any more."
    return Breach("maxKeysPerPerson", "policy", message)


def _collapsed(texts: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """Return networks with those that lie side by side as one, so that what spans both lies in it."""
    found = [network_from(text) for text in texts]
    four = collapse_addresses([each for each in found if isinstance(each, IPv4Network)])
    six = collapse_addresses([each for each in found if isinstance(each, IPv6Network)])
    return [*four, *six]


def _lies_in(network: IPv4Network | IPv6Network, within: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(
        network.version == each.version and each.supernet_of(network)  # type: ignore[arg-type]
        for each in within
    )
