"""The secrets of webhooks move to the newest server secret, so that an older one can be taken away."""

import msgspec

from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.webhooks import CannotOpen, Seal


async def move_to_newest(store: Store, seal: Seal) -> tuple[str, ...]:
    """Seal anew what is kept under an older server secret; return what people have to know of the rest."""
    old = await store.read(lambda tx: tx.webhooks.sealed_otherwise(seal.newest))
    if not old:
        return ()
    moved = []
    lost: dict[str, int] = {}
    for kept in old:
        try:
            sealed = seal.seal(seal.open(kept.sealed, kept.id), kept.id)
        except CannotOpen:
            lost[kept.sealed.made_under] = lost.get(kept.sealed.made_under, 0) + 1
        else:
            moved.append((msgspec.structs.replace(kept, sealed=sealed), kept.sealed))

    def work(tx: Transaction) -> None:
        for kept, before in moved:
            tx.webhooks.reseal(kept, before)

    if moved:
        await store.write(work)
    return tuple(lost_secrets(name, count) for name, count in sorted(lost.items()))


def lost_secrets(secret_id: str, count: int) -> str:
    """Return what people have to know of webhooks' secrets under a server secret that is not here."""
    many = "1 webhook's secret is" if count == 1 else f"{count} webhooks' secrets are"
    return (
        f"{many} kept under the server secret {secret_id}, and cannot be read with those that are here: "
        "nothing can be sent to those webhooks. Bring that secret back, or give each webhook another one "
        "(flowkeys webhooks replace-secret)."
    )
