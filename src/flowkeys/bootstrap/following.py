"""A database in a file, and what is kept of it beside it: does it know what took access away?"""

from contextlib import closing
from typing import Final

import structlog

from flowkeys.bootstrap.clock import clock
from flowkeys.config import Settings
from flowkeys.domain.audit.taken import Line, last_effects
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.sqlite.backups.journal import Journal, compare
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.database import JOURNAL as NAME
from flowkeys.storage.sqlite.database import SqliteStore

_NAMED: Final = 5


def journal(settings: Settings, secrets: ServerSecrets, scanned_to: int) -> Journal:
    """Return what goes on behind row `scanned_to` of the audit log."""
    return Journal(settings.database_file.parent / NAME, secrets, scanned_to, _tell)


async def follow(
    settings: Settings, store: SqliteStore, secrets: ServerSecrets, workspace_id: str
) -> tuple[str, ...]:
    """Have the store keep the journal from now on; end again what it says, where the database is older.

    Returns warnings.
    """
    path = settings.database_file.parent / NAME
    try:
        with closing(connect(settings.database_file, read_only=True)) as raw:
            found, missing, goes_on_from = compare(path.parent, raw, secrets, whole=False)
    except OSError as error:
        return (f"{path} cannot be read: {error.strerror}. Nobody notices an older database without it.",)
    warnings = [f"{path}: {fault}. What it says cannot be relied on." for fault in found.faults]
    store.keep(journal(settings, secrets, goes_on_from))
    if missing:
        warnings.append(await _end_again(store, missing, workspace_id))
    return tuple(warnings)


def _tell(why: str) -> None:
    structlog.get_logger("flowkeys").warning("revocation_not_kept", detail=why)


async def _end_again(store: SqliteStore, missing: list[Line], workspace_id: str) -> str:
    from flowkeys.service.keys.brought_back import end_again

    left = last_effects(missing)
    done = await store.write(lambda tx: end_again(tx, left, workspace_id, clock()))
    what = "Nothing came back that was ended"
    if done:
        more = f" and {len(done) - _NAMED} more" if len(done) > _NAMED else ""
        what = f"Ended again: {'; '.join(done[:_NAMED])}{more}"
    return (
        f"The database is older than {NAME}: it did not know {len(missing)} of its events, the last of "
        f"{missing[-1].at}. A backup was restored, or the end of its audit log was cut. {what}."
    )
