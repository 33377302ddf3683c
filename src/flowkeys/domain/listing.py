"""What a list asks for, and a page of the answer."""

from typing import Final, Generic, Literal, TypeVar

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.keys.api_key import Status

T = TypeVar("T")

UNPAGED_LIMIT: Final = 1000
"""A list without paging holds at most this many."""

KeySort = Literal[
    "createdAt", "keyName", "hint", "status", "permissions", "chatFlows", "createdBy", "lastUsedAt",
    "expiresAt", "updatedAt",
]  # fmt: skip
"""What keys are sorted by: `hint` is the end of the token, `permissions` and `chatFlows` mean how many, where
everything is the most, and `createdBy` is the creator's name.

A key that was never used comes before all that were, and one that never expires after all that do. Keys that
are alike come in the order in which they were made, newest first when descending: each order is exactly the
other in reverse."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of the things that match, and how many match in all."""

    items: list[T]
    total: int


class KeyQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys, in which order, and which of them."""

    workspace_id: str
    search: str = ""
    """A part of the name in any case, or a token's last four characters."""
    status: Status | Literal["all"] | None = None
    """None leaves revoked keys out."""
    chatflow_id: str | None = None
    created_by_id: str | None = None
    """The id of the person or key that made them."""
    customer_id: str | None = None
    expires_by: int | None = None
    """Only keys that still live and end by this time."""
    sort: KeySort = "createdAt"
    descending: bool = True
    limit: int = UNPAGED_LIMIT
    offset: int = 0
    before: str | None = None
    """Only keys that come after this key's id in the order newest first: the next part of a long list."""


ChatflowSort = Literal["createdAt", "name", "updatedAt", "lastCallAt"]
ChatflowAccessFilter = Literal["public", "keys", "closed"]


class ChatflowQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which chatflows, in which order, and which of them."""

    workspace_id: str
    search: str = ""
    """A part of the name, in any case."""
    type: str | None = None
    access: ChatflowAccessFilter | None = None
    """Public; opened by at least one key that is not revoked; or closed to everyone."""
    sort: ChatflowSort = "createdAt"
    """By the last call, chatflows that were never called come last when descending, first otherwise."""
    descending: bool = True
    limit: int = UNPAGED_LIMIT
    offset: int = 0
    before: str | None = None
    """Only chatflows that were made before the one with this id: the next part of a long list."""


CustomerSort = Literal["createdAt", "name", "externalId", "status", "keys", "updatedAt"]
"""What customers are sorted by: `keys` is how many are not revoked. Without an external id comes first."""


class CustomerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which customers, in which order, and which of them."""

    workspace_id: str
    search: str = ""
    """A part of the name or of the external id, in any case."""
    status: CustomerStatus | Literal["all"] | None = None
    """None leaves revoked customers out."""
    external_id: str | None = None
    """Exactly this one."""
    sort: CustomerSort = "createdAt"
    descending: bool = True
    limit: int = UNPAGED_LIMIT
    offset: int = 0
    before: str | None = None
    """Only customers that were made before the one with this id: the next part of a long list."""


class MessageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages of a chatflow, newest first."""

    workspace_id: str
    chatflow_id: str
    key_id: str | None = None
    session_id: str | None = None
    conversation_id: str | None = None
    """Exactly those of one conversation: of one caller, where a session id may be several callers'."""
    limit: int = 100
    offset: int = 0
    shorten_to: int | None = None
    """Characters of a message's content to read at most; details that come to more than `DETAILS_SHARE` times
    as much, as JSON, are left out. None reads messages of any size."""


DETAILS_SHARE: Final = 5


class ConversationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversations of a chatflow, the latest first."""

    workspace_id: str
    chatflow_id: str
    limit: int = 25
    older_than: str | None = None
    """`Part.older` of the part before."""


class Part(msgspec.Struct, Generic[T], frozen=True):
    """Some of the things that match, and where to go on; how many match in all is not told."""

    items: list[T]
    older: str | None
    """Where the next part begins, or None at the end. It holds while things are added and move."""
