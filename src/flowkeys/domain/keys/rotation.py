"""Rotation: a key gets a new token, and the old one works until a grace ends (docs/adr/0030)."""

from typing import Final

import msgspec

from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.token import conceal
from flowkeys.domain.times import SECOND, to_iso

DAY: Final = 86_400
DEFAULT_GRACE_SECONDS: Final = DAY
MAX_GRACE_SECONDS: Final = 90 * DAY
MIN_UNUSED_SECONDS: Final = 60
"""A program that calls once a minute is in use."""
AGENT_LENGTH: Final = 200
_READ: Final = 1000
"""As much of a User-Agent is looked through: tokens go before it is cut, so that no half of one is left."""


class Replaced(msgspec.Struct, frozen=True, gc=False):
    """What verification knows of a token that ends: only such a token's record has one of these.

    Times are microseconds since 1970, UTC.
    """

    valid_until: int
    """From when on it is refused."""
    at: int | None = None
    """When a rotation replaced it; None: its end was set by hand."""
    token: int = 0
    """The number of the token's row, by which its uses are counted."""

    @property
    def detail(self) -> str | None:
        """What is said to whoever presents it after its end."""
        if self.at is None:
            return None
        return (
            f"This key was replaced by a new one at {to_iso(self.at)}, and the old one ended at "
            f"{to_iso(self.valid_until)}. Ask its owner for the new one."
        )


class LastUse(msgspec.Struct, frozen=True, gc=False):
    """When a key was last accepted, and whose call that was, if that is known."""

    at: int
    address: str | None = None
    user_agent: str | None = None

    @classmethod
    def of(cls, at: int, client: Client | None) -> "LastUse":
        """Return a use of a client, as it is kept."""
        if client is None:
            return cls(at)
        return cls(at, client.address(), clean_agent(client.user_agent()))


class TokenUses(msgspec.Struct, frozen=True):
    """How a replaced token was used since it was replaced."""

    uses: int
    last_used_at: int
    address: str | None
    user_agent: str | None

    def then(self, later: "TokenUses") -> "TokenUses":
        """Return these uses and `later` ones together."""
        return TokenUses(self.uses + later.uses, later.last_used_at, later.address, later.user_agent)


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """A key's last rotation, as people see it: what became of the old token."""

    started_at: int
    ends_at: int
    finish_when_unused_seconds: int | None
    """The old token ends by itself when it was not used for so long; None: when the grace is over."""
    hint: str
    """The last characters of the old token."""
    token: int
    """The number of the old token's row."""
    uses: int = 0
    last_used_at: int | None = None
    last_address: str | None = None
    last_user_agent: str | None = None

    def is_under_way(self, now: int) -> bool:
        """Tell whether the old token still works, as far as it is asked."""
        return self.ends_at > now

    def used(self, uses: TokenUses | None) -> "Rotation":
        """Return it with uses that are not stored yet."""
        if uses is None:
            return self
        return msgspec.structs.replace(
            self,
            uses=self.uses + uses.uses,
            last_used_at=max(uses.last_used_at, self.last_used_at or 0),
            last_address=uses.address,
            last_user_agent=uses.user_agent,
        )

    def unused_at(self) -> int | None:
        """Return when the old token will have been unused for long enough to end, or None when never."""
        if self.finish_when_unused_seconds is None:
            return None
        since = max(self.last_used_at or 0, self.started_at)
        return since + self.finish_when_unused_seconds * SECOND


def clean_agent(text: str | None) -> str | None:
    """Return a User-Agent as it is kept: 200 characters at most, nothing in it that looks like a token."""
    if not text:
        return None
    seen = "".join(c if c.isprintable() else "?" for c in conceal(text[:_READ])).strip()
    return seen[:AGENT_LENGTH] or None
