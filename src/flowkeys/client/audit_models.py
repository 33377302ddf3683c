"""What calls about the audit log return; see `models`."""

from datetime import datetime
from typing import Any

from flowkeys.client.models import Wire


class AuditActor(Wire, frozen=True, kw_only=True):
    """Who did something: a key, a person, the operator or the system."""

    type: str
    id: str | None = None
    name: str = ""


class AuditSubject(Wire, frozen=True, kw_only=True):
    """What something was done to, by its name then, or its last."""

    type: str
    id: str
    name: str | None = None


class AuditEntry(Wire, frozen=True, kw_only=True):
    """Who did what to what, when and from where; `before` and `after` have the wire's names."""

    id: int
    at: datetime
    actor: AuditActor
    action: str
    subject: AuditSubject
    address: str | None = None
    request_id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditHead(Wire, frozen=True, kw_only=True):
    """The end of the audit log's chain."""

    head: str
    row: int
