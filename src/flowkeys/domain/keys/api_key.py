"""The API key: the record behind a token."""

import unicodedata
from collections.abc import Collection
from enum import StrEnum
from typing import Final, Literal

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus, KeyCustomer
from flowkeys.domain.errors import FieldError
from flowkeys.domain.keys.rotation import LastUse, Replaced, Rotation
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.keys.token import PATTERN
from flowkeys.domain.limits.quota import Quota, QuotaUse
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.permissions import PermissionSet

NAME_LENGTH: Final = 100
NOTE_LENGTH: Final = 2000
FOLDED_LENGTH: Final = 1000
"""As much of a text is folded: more than any name has."""


class Status(StrEnum):
    """What is stored. `expired` is not stored: it follows from the time (`ApiKey.status_at`)."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Creator(msgspec.Struct, frozen=True):
    """Who made a key: another key, a person, or the operator on the server's machine."""

    type: Literal["key", "person", "operator"]
    id: str | None
    name: str


class BoundChatflow(msgspec.Struct, frozen=True):
    """A chatflow as a key's listing shows it."""

    id: str
    name: str
    category: str | None
    updated_at: int
    rate_limits: tuple[RateLimit, ...] = ()
    """How often the key may call it, beside what the key itself may."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as people manage it. Times are microseconds since 1970, UTC."""

    id: str
    workspace_id: str
    name: str
    permissions: PermissionSet
    status: Status
    hint: str
    expires_at: int | None
    note: str | None
    created_by: Creator
    created_at: int
    updated_at: int
    last_used_at: int | None
    revoked_at: int | None
    version: int
    chatflows: tuple[BoundChatflow, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    """Networks, as `networks.clean_networks` returns them; none: calls may come from anywhere."""
    rate_limits: tuple[RateLimit, ...] = ()
    """How often it may call; none: as often as it likes."""
    quotas: tuple[Quota, ...] = ()
    """How much it may use in a period; none: as much as it likes."""
    quota_uses: tuple[QuotaUse, ...] = ()
    """What it has used, as far as that is kept: while it has quotas."""
    tokens_reserved: int = 0
    """By runs that are under way."""
    rotation: Rotation | None = None
    """The last one, under way or over."""
    last_address: str | None = None
    """Where it was last used from, and by what, if that is known."""
    last_user_agent: str | None = None
    customer: KeyCustomer | None = None
    """Whom it belongs to."""
    unused_permissions: tuple[str, ...] | None = None
    """Those that no call has used, where that is asked for; None: it was not."""

    @property
    def token_made_at(self) -> int:
        """When the token that the key has now was made."""
        return self.created_at if self.rotation is None else self.rotation.started_at

    def rotation_at(self, now: int) -> Rotation | None:
        """Return the rotation that is under way at the time `now`."""
        return self.rotation if self.rotation is not None and self.rotation.is_under_way(now) else None

    def used(self, last: LastUse | None) -> "ApiKey":
        """Return it with a use that is not stored yet, if there is one, and none that is later."""
        if last is None or last.at <= (self.last_used_at or 0):
            return self
        return msgspec.structs.replace(
            self, last_used_at=last.at, last_address=last.address, last_user_agent=last.user_agent
        )

    def status_at(self, now: int) -> Status:
        """Return the status at the time `now`: an active key past its expiry is expired."""
        if self.status is Status.ACTIVE and self.expires_at is not None and self.expires_at <= now:
            return Status.EXPIRED
        return self.status

    def is_accepted_at(self, now: int) -> bool:
        """Tell whether it is active at the time `now`, and so is whom it belongs to."""
        customer = self.customer
        return self.status_at(now) is Status.ACTIVE and (
            customer is None or customer.status is CustomerStatus.ACTIVE
        )


class KeyRecord(msgspec.Struct, frozen=True, gc=False):
    """What verification needs of a key and of the token that was presented; read only, and cacheable.

    A million of them are kept in memory: `gc=False` spares the collector, and the id and the name are one
    text, which takes 64 bytes less than two.
    """

    identity: str
    workspace_id: str
    permissions: PermissionSet
    status: Status
    expires_at: int | None
    replaced: Replaced | None
    """Of a token that ends, since another replaced it; None: it is the key's own."""
    chatflow_ids: Collection[str]
    position: int = 0
    """Of the change feed: what was changed up to there is in this record."""
    terms: Terms | None = None
    """What else it asks of its calls; None: nothing."""

    @classmethod
    def of(
        cls,
        *,
        key_id: str,
        workspace_id: str,
        name: str,
        permissions: PermissionSet = frozenset(),
        status: Status = Status.ACTIVE,
        expires_at: int | None = None,
        replaced: Replaced | None = None,
        chatflow_ids: Collection[str] = (),
        position: int = 0,
        terms: Terms | None = None,
    ) -> "KeyRecord":
        """Return the record of a key; `chatflow_ids` are those that it is bound to."""
        identity = f"{key_id}\n{name}"
        ends = expires_at, replaced
        return cls(identity, workspace_id, permissions, status, *ends, chatflow_ids, position, terms)

    @property
    def key_id(self) -> str:
        """The key's id."""
        return self.identity.partition("\n")[0]

    @property
    def valid_until(self) -> int | None:
        """When the token that was presented ends, or None: with the key."""
        return None if self.replaced is None else self.replaced.valid_until

    @property
    def replaced_at(self) -> int | None:
        """When another token replaced the one that was presented, or None."""
        return None if self.replaced is None else self.replaced.at

    @property
    def name(self) -> str:
        """The key's name. It has no line end (`clean_name`)."""
        return self.identity.partition("\n")[2]


def clean_name(text: str, length: int = NAME_LENGTH) -> str | None:
    """Return `text` trimmed, or None when it is not fit to be a name.

    It is not when nothing of it can be seen, when it is longer than `length`, has control characters, or
    holds a token: names are shown to everyone.
    """
    name = text.strip()
    kinds = {unicodedata.category(c) for c in name}
    unseen = kinds <= {"Cf", "Zs", "Zl", "Zp"}
    if unseen or len(name) > length or kinds & {"Cc", "Cs"} or PATTERN.search(name):
        return None
    return name


def read_name(text: str, field: str) -> tuple[str, list[FieldError]]:
    """Return a name trimmed, and what is wrong with it, told of `field`."""
    name = clean_name(text)
    if name is not None:
        return name, []
    message = f"Give a name of 1 to {NAME_LENGTH} characters, no control characters and no key in it."
    return text, [FieldError(field, message)]


def fold_name(text: str) -> str:
    """Return the form in which names are searched and sorted: compatibility-normalised, case folded.

    Normalising takes quadratic time, so that what no name reaches is cut off first.
    """
    return unicodedata.normalize("NFKC", text[:FOLDED_LENGTH]).casefold()
