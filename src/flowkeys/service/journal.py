"""Every change says so twice, in its own transaction: to the change feed and to the audit log."""

from typing import Any

from flowkeys.domain.journal import AuditEntry, Change, Subject
from flowkeys.domain.principal import Caller
from flowkeys.service.ports.store import Transaction


def record(
    tx: Transaction,
    caller: Caller,
    at: int,
    *,
    action: str,
    subject: Subject,
    subject_id: str,
    version: int,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write both rows. `before` and `after` hold what people may read, never a token or a digest."""
    tx.journal.change(Change(caller.workspace_id, subject, subject_id, version, at))
    note(tx, caller, at, action=action, subject=subject, subject_id=subject_id, before=before, after=after)


def note(
    tx: Transaction,
    caller: Caller,
    at: int,
    *,
    action: str,
    subject: Subject,
    subject_id: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write the audit row alone: for what happened and changed nothing that anybody keeps a copy of."""
    tx.journal.audit(
        AuditEntry(
            workspace_id=caller.workspace_id,
            at=at,
            actor_type=caller.principal.kind,
            actor_id=caller.principal.id,
            actor_name=caller.principal.name,
            action=action,
            subject=subject,
            subject_id=subject_id,
            address=caller.address,
            request_id=caller.request_id,
            before=before,
            after=after,
        )
    )
