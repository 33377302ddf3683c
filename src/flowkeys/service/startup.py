"""Before anything is served: are the keys that exist made under secrets that are known?"""

from collections.abc import Sequence

from flowkeys.domain.digest import TokenHasher
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.times import Clock
from flowkeys.service.ports.store import Store, Transaction


class MissingSecret(ConfigurationError):
    """Keys that could still be accepted were made under a secret that this server does not have."""

    def __init__(self, missing: dict[str, int], known: Sequence[str]) -> None:
        self.missing = missing
        which = ", ".join(f"{count} under the secret {name}" for name, count in sorted(missing.items()))
        has = f"has {', '.join(known)}" if known else "has no secret at all"
        first = min(missing)
        super().__init__(
            f"There are keys made {which}, and this server {has}: those keys would all be refused. "
            "Bring the secret back: put it behind a comma at the end of FLOWKEYS_SECRET, or on a line of its "
            "own at the end of the file `secret` in the data directory. If it is lost for good, give those "
            f"keys up with: flowkeys keys revoke --made-under {first}"
        )


async def check_secrets(store: Store, hasher: TokenHasher | None, clock: Clock) -> None:
    """Raise `MissingSecret` unless every key that could still be accepted can be verified."""
    now = clock()
    known = hasher.secret_ids if hasher is not None else ()

    def count(tx: Transaction) -> dict[str, int]:
        missing = [name for name in tx.keys.secrets() if name not in known]
        return {name: tx.keys.count_under(name, now) for name in missing}

    missing = {name: total for name, total in (await store.read(count)).items() if total}
    if missing:
        raise MissingSecret(missing, known)
