"""The chain of the audit log at a start: begun where there is none, carried on under the newest secret.

Nothing is sealed anew here that was sealed before: rows that somebody changed before this start stay
found out after it.
"""

from typing import Final, NamedTuple, Protocol

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.domain.audit.segments import Segment, kept_under, key_of
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import Clock
from flowkeys.service.journal import note
from flowkeys.service.ports.store import Store, Transaction

BEGUN: Final = "audit.begin"
CONTINUED: Final = "audit.continue"


class ChainedStore(Store, Protocol):
    """A store that seals what is written to the audit log."""

    audit_key: ChainKey | None
    """What it is sealed with; before it is set nothing is written to the log but the first workspace."""


class Opened(NamedTuple):
    """What came of opening the chain."""

    key: ChainKey
    changes: tuple[Segment, ...]
    """Segments that are new, or whose key is to be kept elsewhere."""
    lost: tuple[Segment, ...]
    """Segments whose key cannot be had."""
    begins: bool
    found_to: int
    """See `Segment`."""


async def open_chain(
    store: ChainedStore, secrets: ServerSecrets, workspace_id: str, clock: Clock
) -> tuple[str, ...]:
    """Have the store seal what is written from now on, and say in the log that it does.

    Returns warnings: of rows that cannot be verified, since their secret is not there.
    """
    now = clock()
    opened = await store.read(lambda tx: look(tx, secrets, now))
    if opened.changes:
        opened = await store.write(lambda tx: _open(tx, secrets, now))
    store.audit_key = opened.key
    if await store.read(lambda tx: _lacks_anchor(tx, opened)):
        await store.write(lambda tx: _anchor(tx, Caller(operator(workspace_id)), opened, secrets, now))
    return tuple(warning_of(segment) for segment in opened.lost)


def look(tx: Transaction, secrets: ServerSecrets, now: int) -> Opened:
    """Find out what seals, and what has to be written for it. Nothing is written."""
    newest = secrets.ids[0]
    segments = tx.audit_chain.segments()
    # Rows that are sealed, and segments that are gone: somebody took them away. Nothing is sealed anew then.
    begins = not segments and tx.audit_chain.last_segment() is None
    changes, lost = [], []
    for segment in segments:
        key = key_of(segment, secrets.derive)
        if key is None:
            lost.append(segment)
        elif segment.kept_under != newest:
            changes.append(kept_under(segment, key, newest, secrets.derive))
    last = segments[-1] if segments else None
    if last is None or last.secret_id != newest:
        id_before = last.id if last is not None else tx.audit_chain.last_segment() or 0
        last = _segment(id_before + 1, newest, now, tx.audit_chain.head().seq if begins else 0)
        changes.append(last)
    key = key_of(last, secrets.derive)
    if key is None:  # somebody spoilt the newest segment by hand: it is lost, and another one begins
        last = _segment(last.id + 1, newest, now)
        changes.append(last)
        key = key_of(last, secrets.derive)
        assert key is not None
    return Opened(key, tuple(changes), tuple(lost), begins, last.found_to)


def _segment(segment_id: int, secret_id: str, now: int, found_to: int = 0) -> Segment:
    return Segment(id=segment_id, secret_id=secret_id, found_to=found_to, begun_at=now, kept_under=secret_id)


def _open(tx: Transaction, secrets: ServerSecrets, now: int) -> Opened:
    opened = look(tx, secrets, now)  # another process may have done it meanwhile
    if opened.begins:
        tx.audit_chain.seal_all(opened.key)
    for segment in opened.changes:
        tx.audit_chain.put_segment(segment)
    return opened


def _lacks_anchor(tx: Transaction, opened: Opened) -> bool:
    """Tell whether nothing was written under the key yet: the first row under it seals all rows before it."""
    chain = tx.audit_chain
    return chain.last_segment() != opened.key.segment or chain.head().seq <= opened.found_to


def _anchor(tx: Transaction, caller: Caller, opened: Opened, secrets: ServerSecrets, now: int) -> None:
    if not _lacks_anchor(tx, opened):
        return
    note(
        tx,
        caller,
        now,
        action=BEGUN if opened.begins else CONTINUED,
        subject=Subject.SECRET,
        subject_id=secrets.ids[0],
        after={"segment": opened.key.segment, "rowsBefore": tx.audit_chain.head().seq},
    )


def warning_of(segment: Segment) -> str:
    """Return what people have to know of a segment whose key cannot be had."""
    return (
        f"The audit log cannot be verified where it was sealed under the secret {segment.secret_id}: its key "
        f"is kept under {segment.kept_under}, which this server does not have. Bring that secret back, "
        "behind the newest, for one start; then it is needed no more."
    )
