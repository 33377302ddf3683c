"""The audit log on the wire."""

from typing import Any, Literal

from pydantic import Field

from flowkeys.domain.journal import Subject
from flowkeys.web.schemas.wire import Out


class ActorOut(Out):
    """Who did it."""

    type: Literal["key", "person", "operator", "system"]
    id: str | None
    name: str


class SubjectOut(Out):
    """What it was done to."""

    type: Subject
    id: str
    name: str | None = Field(description="As it was called then, or last.")


class AuditEntryOut(Out):
    """One entry: who did what to what, when and from where."""

    id: int = Field(description="The row's number in the chain.")
    at: str = Field(examples=["2026-11-30T09:15:00.000Z"])
    actor: ActorOut
    action: str = Field(examples=["key.create", "chatflow.bind", "person.sign_in"])
    subject: SubjectOut
    address: str | None
    request_id: str | None
    before: dict[str, Any] | None = Field(description="The fields as they were; null: there was nothing.")
    after: dict[str, Any] | None


class AuditPageOut(Out):
    """One page, and how many match."""

    total: int
    data: list[AuditEntryOut]


class AuditHeadOut(Out):
    """The end of the chain. Keep it elsewhere: `flowkeys audit verify --head` finds a cut end by it."""

    head: str = Field(examples=["1042:9f2c…"])
    row: int
