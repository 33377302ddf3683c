"""What is buffered of uses of keys is stored: within one transaction, and touching nothing else."""

from collections.abc import Collection, Mapping

from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.rotation import LastUse, TokenUses
from flowkeys.service.ports.store import Transaction


def store_uses(
    tx: Transaction,
    last_used: Mapping[str, int],
    outdated: Mapping[TokenDigest, tuple[str, TokenDigest]],
    replaced: Mapping[int, TokenUses],
    clients: Mapping[str, Client | None],
    exercised: Mapping[str, Collection[str]],
    now: int,
) -> None:
    """Store what `Keyring.flush` is given."""
    tx.keys.touch({key_id: LastUse.of(at, clients.get(key_id)) for key_id, at in last_used.items()}, now)
    for old, (key_id, new) in outdated.items():
        tx.keys.redigest(key_id, old, new)
    tx.tokens.note_uses(replaced, now)
    if exercised:
        tx.key_reports.note_permissions(exercised, now)
