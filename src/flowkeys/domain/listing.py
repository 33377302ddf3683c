"""What a list asks for, and a page of the answer."""

from typing import Final, Generic, Literal, TypeVar

import msgspec

from flowkeys.domain.api_key import Status

T = TypeVar("T")

UNPAGED_LIMIT: Final = 1000
"""A list without paging holds at most this many."""

KeySort = Literal["createdAt", "keyName", "status", "lastUsedAt", "expiresAt", "updatedAt"]


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
    sort: KeySort = "createdAt"
    descending: bool = True
    limit: int = UNPAGED_LIMIT
    offset: int = 0
    before: str | None = None
    """Only keys that come after this key's id in the order newest first: the next part of a long list."""


class ChatflowQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which chatflows, and which of them; newest first."""

    workspace_id: str
    search: str = ""
    type: str | None = None
    limit: int = UNPAGED_LIMIT
    offset: int = 0
    before: str | None = None


class MessageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages of a chatflow, newest first."""

    workspace_id: str
    chatflow_id: str
    key_id: str | None = None
    session_id: str | None = None
    limit: int = 100
    offset: int = 0
