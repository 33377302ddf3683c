"""Keys that an older database brought back: what had ended is ended again, and said."""

from collections.abc import Mapping

import msgspec

from flowkeys.domain.audit.taken import SETTLED, Line
from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.principal import Caller, server
from flowkeys.domain.times import from_iso
from flowkeys.service.journal import note, record
from flowkeys.service.keys.changes import save, with_status
from flowkeys.service.ports.store import Transaction


def end_again(tx: Transaction, left: Mapping[str, Line], workspace_id: str, now: int) -> list[str]:
    """Revoke or disable what the journal says of keys and customers by their ids; return what was done.

    A key that is not there is let in by nobody, and who enabled one later than the journal tells of meant
    that: another machine, whose journal told of it, was here before. The audit log says what was done to
    each, and in the workspace `workspace_id` that the database was older than the journal.
    """
    done = []
    for line in left.values():
        caller = Caller(server(line.workspace))
        again = _customer if line.action.startswith("customer.") else _key
        if (what := again(tx, caller, line, now)) is not None:
            done.append(what)
    note(
        tx,
        Caller(server(workspace_id)),
        now,
        action=SETTLED,
        subject=Subject.WORKSPACE,
        subject_id=workspace_id,
        after={"rowsBefore": tx.audit_chain.head().seq, "endedAgain": done},
    )
    return done


def _key(tx: Transaction, caller: Caller, line: Line, now: int) -> str | None:
    key = tx.keys.get(caller.workspace_id, line.id)
    if key is None or key.status is Status.REVOKED:
        return None
    status = Status.REVOKED if line.effect == "revoked" else Status.DISABLED
    if key.status is status or was_enabled_since(tx, line):
        return None
    action = "key.revoke" if status is Status.REVOKED else "key.disable"
    save(tx, caller, now, action, key, with_status(key, status))
    return f"{key.name} ({key.id}) {status.value}: {line.action} of {line.at}"


def _customer(tx: Transaction, caller: Caller, line: Line, now: int) -> str | None:
    customer = tx.customers.get(caller.workspace_id, line.id)
    if customer is None or customer.status is CustomerStatus.REVOKED:
        return None
    status = CustomerStatus.REVOKED if line.effect == "revoked" else CustomerStatus.DISABLED
    if customer.status is status or was_enabled_since(tx, line):
        return None
    after = msgspec.structs.replace(
        customer,
        status=status,
        updated_at=now,
        version=customer.version + 1,
        revoked_at=now if status is CustomerStatus.REVOKED else customer.revoked_at,
    )
    tx.customers.update(after)
    record(
        tx,
        caller,
        now,
        action="customer.revoke" if status is CustomerStatus.REVOKED else "customer.disable",
        subject=Subject.CUSTOMER,
        subject_id=customer.id,
        version=after.version,
        before={"name": customer.name, "status": customer.status.value},
        after={"name": customer.name, "status": status.value},
    )
    return f"customer {customer.name} ({customer.id}) {status.value}: {line.action} of {line.at}"


def was_enabled_since(tx: Transaction, line: Line) -> bool:
    """Tell whether what a line disabled was enabled later, as the database knows."""
    action = "customer.enable" if line.action.startswith("customer.") else "key.enable"
    at = from_iso(line.at) if line.effect == "disabled" else None
    return at is not None and tx.journal.noted_since(line.workspace, action, line.id, at)
