"""The two rows that every change writes in its own transaction."""

from enum import StrEnum
from typing import Any, Literal

import msgspec


class Subject(StrEnum):
    """What a change is about."""

    KEY = "key"
    CHATFLOW = "chatflow"
    COLLECTION = "collection"
    WORKSPACE = "workspace"
    PERSON = "person"
    POLICY = "policy"
    """Of a workspace, by its id."""
    CODE = "code"
    """What of it is approved in a workspace, by the workspace's id."""
    TOOL = "tool"
    CUSTOMER = "customer"
    WEBHOOK = "webhook"
    """Of the audit log only."""
    CREDENTIAL = "credential"
    VARIABLE = "variable"
    EXECUTION = "execution"
    """A run of a chatflow that a person answered, or deleted; of the audit log only."""
    SECRET = "secret"  # noqa: S105  # the word, not one
    """A server secret, by its id; of the audit log only."""


class Change(msgspec.Struct, frozen=True):
    """One row of the change feed: enough for a cache to evict, and nothing secret."""

    workspace_id: str
    subject: Subject
    subject_id: str
    version: int
    at: int


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to what, when and from where, with the fields before and after."""

    workspace_id: str
    at: int
    actor_type: Literal["key", "person", "operator", "system"]
    actor_id: str | None
    actor_name: str
    action: str
    subject: Subject
    subject_id: str
    address: str | None
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
