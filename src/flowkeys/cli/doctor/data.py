"""The data directory, the database in it, and the secret."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flowkeys.bootstrap.looking import Look
from flowkeys.cli.doctor.finding import Finding, fail, ok, size, warn
from flowkeys.cli.streams import counted, printable
from flowkeys.config import Settings
from flowkeys.config.following import JOURNAL
from flowkeys.domain.audit.taken import MARK
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.limits.names import nobody_has, unknown
from flowkeys.domain.limits.process import objection, several
from flowkeys.storage.secrets import secret_file
from flowkeys.storage.sqlite import health
from flowkeys.storage.transaction import Tables

_MIB: Final = 1024 * 1024
_TIGHT_BYTES: Final = 1024 * _MIB
_FULL_BYTES: Final = 100 * _MIB
_NAMED: Final = 5
"""So many keys that cannot be read are named."""


def check_directory(settings: Settings) -> Iterator[Finding]:
    """Look at the data directory: whose it is, who may read it, and how much space is left."""
    folder = settings.data_dir
    if not folder.exists():
        nearest = next(parent for parent in folder.parents if parent.exists())
        if os.access(nearest, os.W_OK | os.X_OK):
            yield warn("data directory", f"{folder} is not there yet.", "The first flowkeys serve makes it.")
        else:
            yield fail(
                "data directory",
                f"{folder} is not there, and {nearest} cannot be written.",
                "Set FLOWKEYS_DATA_DIR to a folder of your own.",
            )
        return
    if not folder.is_dir():
        yield fail("data directory", f"{folder} is no folder.", "Set FLOWKEYS_DATA_DIR to a folder.")
        return
    yield from _rights(folder)
    free = shutil.disk_usage(folder).free
    if free < _FULL_BYTES:
        yield fail("disk", f"only {size(free)} are free.", "Make room: soon nothing can be written.")
    elif free < _TIGHT_BYTES:
        yield warn("disk", f"{size(free)} are free.", "Make room before it is full.")
    else:
        yield ok("disk", f"{size(free)} are free")


def _rights(folder: Path) -> Iterator[Finding]:
    found = folder.stat()
    if found.st_uid != os.geteuid():
        yield warn(
            "data directory",
            f"{folder} belongs to user {found.st_uid}, and this is user {os.geteuid()}.",
            f"Run the server and its commands as one user, for example: sudo -u '#{found.st_uid}' flowkeys …",
        )
    mode = stat.S_IMODE(found.st_mode)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield fail("data directory", f"{folder} cannot be written.", "Give it to the user of the server.")
    elif mode & 0o077:
        advice = f"It holds the secret and what people asked. Run: chmod 700 {folder}"
        yield warn("data directory", f"others may look into {folder} (mode {mode:04o}).", advice)
    else:
        yield ok("data directory", f"{folder}, for its owner only")


def check_database(settings: Settings) -> Iterator[Finding]:
    """Look at the database file: sound, of the right schema, in WAL mode; or at that on a server."""
    if settings.database_url is not None:
        yield from _check_postgres(settings.database_url, settings.direct_url)
        return
    path = settings.database_file
    if not path.exists():
        yield ok("database", "none yet; the first flowkeys serve makes it")
        return
    restore = "Stop the server, keep a copy of the file, and restore it from a backup."
    try:
        found = health.check(path)
    except Unavailable as error:
        yield fail("database", str(error), restore)
        return
    if found.problems:
        yield fail("database", f"{path} is damaged: {'; '.join(found.problems)}.", restore)
        return
    if not is_current(found):
        yield warn(
            "database",
            f"the schema is {found.revision}; this version works with {found.expected_revision}.",
            "The next start brings an older one up to date; make a copy of the file first.",
        )
        return
    counts = health.count(path)
    yield ok(
        "database",
        f"sound, schema {found.revision}, {size(found.size_bytes)}: {_contents(counts)}",
    )
    if found.journal_mode != "wal":
        yield warn(
            "database",
            f"the journal mode is {found.journal_mode}: readers and the writer wait for each other.",
            "The next start sets WAL, unless the disk cannot do it: network file systems often cannot.",
        )


def _check_postgres(url: str, direct: str | None) -> Iterator[Finding]:
    from flowkeys.storage.postgres import health as postgres

    try:
        found = postgres.check(url)
    except Unavailable as error:
        yield fail("database", str(error), "Correct FLOWKEYS_DATABASE, or start the database's server.")
        return
    if found.revision is None:
        yield ok("database", "no schema yet; the first flowkeys serve makes it")
    elif found.is_unfinished:
        yield fail("database", "a flowkeys copy that fills it has not ended.", "Run it again: it goes on.")
    elif found.revision != found.expected_revision:
        yield warn(
            "database",
            f"the schema is {found.revision}; this version works with {found.expected_revision}.",
            "The next start brings an older one up to date; make a backup first.",
        )
    else:
        counts = postgres.count(url)
        yield ok(
            "database",
            f"PostgreSQL {found.server}, schema {found.revision}, {size(found.size_bytes)}: "
            f"{_contents(counts)}",
        )
        if found.is_pooled and direct is None:
            yield warn(
                "feed",
                "a pooler is in between, and in transaction mode no change is heard through it.",
                "Set FLOWKEYS_DATABASE_DIRECT to the URL that leads to PostgreSQL itself.",
            )


def _contents(counts: health.Counts) -> str:
    return ", ".join(
        counted(number, what)
        for number, what in (
            (counts.keys, "key"),
            (counts.chatflows, "chatflow"),
            (counts.messages, "message"),
        )
    )


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Look for keys whose rows were spoilt by hand, in SQL."""
    unreadable = Look(settings).unreadable_keys()
    for key_id in unreadable[:_NAMED]:
        yield fail(
            "keys",
            f"the row of key {printable(key_id)} cannot be read: calls with it, and lists of it, fail.",
            "Correct its status, permissions, name or times in SQL, or what the table quota_use says that it "
            "has used, or delete it there.",
        )
    if len(unreadable) > _NAMED:
        advice = "Correct those that are named, and look again."
        yield fail("keys", f"{len(unreadable) - _NAMED} more cannot be read.", advice)
    if not unreadable:
        yield ok("keys", "all can be read")


def check_journal(settings: Settings) -> Iterator[Finding]:
    """Look at the journal of what took access away: as it was written, and known to the database."""
    path = settings.journal_file
    if not path.exists():
        if settings.database_url is not None:
            advice = "The next flowkeys serve, or any command, begins it with what the audit log tells of."
            yield warn(JOURNAL, f"{path} is not there: nobody notices that a backup is older.", advice)
        return
    try:
        secrets = secret_file.known(settings.given_secret(), settings.secret_file)
        found, missing, *_ = Look(settings).beside(path, secrets, whole=True)
    except (ConfigurationError, OSError) as error:
        advice = "Without it nobody notices that a backup is older."
        yield warn(JOURNAL, f"it cannot be read: {error}", advice)
        return
    advice = (
        "Nothing that works is touched by it; but of an older backup nobody can say any more what it brings "
        "back. Find out who wrote to the file, then move it away: the next start begins another one."
    )
    for fault in found.faults[:_NAMED]:
        yield warn(JOURNAL, f"{fault}.", advice)
    if missing:
        yield warn(
            JOURNAL,
            f"the database does not know {len(missing)} of its events, the last of "
            f"{missing[-1].at}: it is older.",
            "The next start ends again what they ended; flowkeys revocations lists it.",
        )
    if not found.faults and not missing:
        events = sum(line.effect != MARK for line in found.lines)
        yield ok(JOURNAL, f"{counted(events, 'event')}; the database knows what they ended")


def check_policies(tables: Tables) -> Iterator[Finding]:
    """Look for policies whose rows were spoilt by hand, in SQL: their workspaces' keys stay closed."""
    for workspace in tables.workspaces.all():
        try:
            tables.policies.get(workspace.id)
        except Unavailable:
            yield fail(
                "policy",
                f"the policy of the workspace {printable(workspace.name)} cannot be read: its keys cannot be "
                "changed, and where its networks are spoilt no call with them is let in.",
                f"Correct its row in the table policy in SQL (workspace_id {printable(workspace.id)}). "
                "Without a row the workspace has no policy: calls from every network are let in.",
            )


def check_processes(tables: Tables, now: int) -> Iterator[Finding]:
    """Tell which processes serve the database, where there are several."""
    now = tables.processes.now(now)
    there = [one for one in tables.processes.all() if one.is_there(now)]
    number = several(there, now)
    if number < 2:  # noqa: PLR2004
        return
    hosts = ", ".join(sorted({printable(one.host) for one in there}))
    why = objection(there, now)
    if why is not None and tables.processes.has_limits():
        yield warn(
            "processes",
            f"limits are stored, and {number} processes count them, each by itself ({hosts}).",
            "Set FLOWKEYS_VALKEY for all of them; or FLOWKEYS_LIMITS=per-process, if that is meant.",
        )
    else:
        yield ok("processes", f"{number} processes serve the database ({hosts}).")


def check_names(settings: Settings, tables: Tables) -> Iterator[Finding]:
    """Tell which limits the settings name that nothing has: a typing mistake leaves one without a choice."""
    if settings.refused_without_valkey:
        stored = tables.processes.limit_names()
        if nobodys := unknown(settings.refused_without_valkey, stored):
            yield warn(
                "valkey", nobody_has(nobodys, stored), "Correct the setting, or give a limit that name."
            )


def is_current(found: health.Health) -> bool:
    """Tell whether a database has the schema of this version."""
    return found.revision == found.expected_revision
