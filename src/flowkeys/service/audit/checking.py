"""Whether the audit log is as it was written."""

from flowkeys.domain.audit.chain import Head
from flowkeys.domain.audit.segments import key_of
from flowkeys.domain.audit.verification import Verified, verify
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.service.ports.store import Transaction


def check_chain(tx: Transaction, secrets: ServerSecrets, kept: Head | None = None) -> Verified:
    """Verify the whole chain with the secrets that are there; see `verify`. Nothing is written."""
    segments = tx.audit_chain.segments()
    found = {segment.id: key_of(segment, secrets.derive) for segment in segments}
    return verify(
        tx.audit_chain.rows(),
        {number: key for number, key in found.items() if key is not None},
        [number for number, key in found.items() if key is None],
        found_to=segments[0].found_to if segments else 0,
        kept=kept,
    )


def count_segments(tx: Transaction) -> dict[str, int]:
    """Count the segments whose keys are kept under each server secret, by its id."""
    counts: dict[str, int] = {}
    for segment in tx.audit_chain.segments():
        counts[segment.kept_under] = counts.get(segment.kept_under, 0) + 1
    return counts
