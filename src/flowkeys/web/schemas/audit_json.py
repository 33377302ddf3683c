"""The audit log as it is sent."""

from flowkeys.domain.audit.chain import Head
from flowkeys.domain.audit.entry import AuditRecord
from flowkeys.domain.times import to_iso
from flowkeys.web.render import Json


def entry(item: AuditRecord) -> Json:
    """Return an entry of the audit log."""
    said = item.entry
    return {
        "id": item.seq,
        "at": to_iso(said.at),
        "actor": {"type": said.actor_type, "id": said.actor_id, "name": said.actor_name},
        "action": said.action,
        "subject": {"type": said.subject, "id": said.subject_id, "name": item.subject_name},
        "address": said.address,
        "requestId": said.request_id,
        "before": said.before,
        "after": said.after,
    }


def head(item: Head) -> Json:
    """Return the head of the audit log."""
    return {"head": str(item), "row": item.seq}
