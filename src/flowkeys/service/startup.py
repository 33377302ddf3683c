"""Before anything is served: are the keys that exist made under secrets that are known?"""

from collections.abc import Sequence
from typing import NamedTuple

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.server_secrets import VERIFIES_ONLY, Earlier, ServerSecrets
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import Clock
from flowkeys.service.journal import note
from flowkeys.service.ports.store import Store, Transaction


class MissingSecret(ConfigurationError):
    """Keys that could still be accepted were made under a secret that this server does not have."""

    def __init__(
        self, missing: dict[str, int], known: Sequence[str], written: ServerSecrets | None = None
    ) -> None:
        self.missing = missing
        which = ", ".join(f"{count} made under the secret {name}" for name, count in sorted(missing.items()))
        has = f"has {', '.join(known)}" if known else "has no secret at all"
        first = min(missing)
        ways = [way for name in sorted(missing) if written and (way := written.way_back(name))]
        bring = (
            "Bring the secret back: put it behind a comma at the end of FLOWKEYS_SECRET, or on a line of its "
            "own at the end of the file `secret` in the data directory."
        )
        super().__init__(
            f"Keys would be refused ({which}): this server {has}. "
            f"{' '.join(ways) or bring} If it is lost for good, give those "
            f"keys up with: flowkeys keys revoke --made-under {first}"
        )


class Secrets(NamedTuple):
    """The server's secrets, as they are used."""

    hasher: TokenHasher
    warnings: tuple[str, ...]
    """What people have to know of lines that are no secret."""
    written: ServerSecrets
    """What an operator wrote, from which keys for other purposes are derived."""
    unnoted: tuple[str, ...] = ()
    """The ids of lines that verify only, and of which the journal does not say so yet."""


class _Use(NamedTuple):
    """What was made under which ids."""

    used: frozenset[str]
    """Tokens are, whether they are good or not."""
    known: frozenset[str]
    """Tokens were, when a server started: a line that was needed stops no later start."""
    live: dict[str, int]
    """How many tokens could still be accepted, of ids that verify only."""


async def open_secrets(store: Store, written: ServerSecrets, clock: Clock) -> Secrets:
    """Return what signs and verifies with what an operator wrote.

    Raises:
        ConfigurationError: something can be no secret and never was one, or nothing can sign.
    """
    now = clock()

    def look(tx: Transaction) -> _Use:
        used = frozenset(tx.keys.secrets())
        known = frozenset(name for name in written.earlier_ids if tx.journal.noted(VERIFIES_ONLY, name))
        return _Use(used, known, {name: tx.keys.count_under(name, now) for name in written.earlier(used)})

    use = await store.read(look)
    hasher = written.hasher(use.used, use.known)
    new = tuple(name for name in use.live if name not in use.known)
    noticed = written.earlier(use.used | use.known)
    doubtful = {item.id for item in written.doubtful}
    warnings = tuple(
        warning_of(written, item, use.live.get(name, 0))
        for name, item in noticed.items()
        if use.live.get(name) or name in doubtful
    )
    return Secrets(hasher, warnings, written, new)


async def note_verifies_only(store: Store, names: Sequence[str], workspace_id: str, clock: Clock) -> None:
    """Note in the journal what verifies only, so that it is known when no key needs it any more."""
    caller, now = Caller(operator(workspace_id)), clock()

    def remember(tx: Transaction) -> None:
        for name in names:
            note(tx, caller, now, action=VERIFIES_ONLY, subject=Subject.SECRET, subject_id=name)

    if names:
        await store.write(remember)


def warning_of(written: ServerSecrets, item: Earlier, count: int) -> str:
    """Return what people have to know of a line that is no secret, and that so many keys need."""
    what = f"{item.place[0].upper()}{item.place[1:]} in {written.where} is no secret"
    if not count:
        return f"{what}, and no key needs it any more: take it out."
    keys = "1 key was" if count == 1 else f"{count} keys were"
    return (
        f"{what}, and {keys} made under it by an earlier version. It signs nothing any more; those keys "
        f"verify, and each moves to {written.ids[0]} when it is used. Leave it where it is until flowkeys "
        "doctor says that no key needs it. Until then who can write to the database and knows its text could "
        "make keys."
    )


async def check_secrets(
    store: Store, hasher: TokenHasher | None, clock: Clock, written: ServerSecrets | None = None
) -> None:
    """Raise `MissingSecret` unless every key that could still be accepted can be verified."""
    now = clock()
    known = hasher.secret_ids if hasher is not None else ()

    def count(tx: Transaction) -> dict[str, int]:
        missing = [name for name in tx.keys.secrets() if name not in known]
        return {name: tx.keys.count_under(name, now) for name in missing}

    missing = {name: total for name, total in (await store.read(count)).items() if total}
    if missing:
        raise MissingSecret(missing, known, written)
