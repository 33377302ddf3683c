"""``flowkeys audit verify``: on the server's own machine, and nothing is changed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from flowkeys.cli.backends.backend import Json
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.exit_codes import ExitCode
from flowkeys.cli.output import print_json
from flowkeys.cli.streams import counted, note, printable, say
from flowkeys.domain.audit.chain import read_head
from flowkeys.domain.audit.verification import Fault, Verified
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.server_secrets import ServerSecrets

if TYPE_CHECKING:
    from flowkeys.bootstrap.looking import Look


def verify(head: str | None, *, as_json: bool) -> None:
    """Verify the audit log and say what was found; the exit code is 3 unless all of it is as it was written.

    Raises:
        ConfigurationError: there is no audit log yet, or no secret.
        InvalidInput: `head` is none.
        Unavailable: the database cannot be read.
    """
    require_local("flowkeys audit verify")
    from flowkeys import config
    from flowkeys.bootstrap.looking import Look
    from flowkeys.service.audit.checking import check_chain
    from flowkeys.storage.secrets import secret_file

    kept = None if head is None else read_head(head)
    settings = config.load()
    database = Look(settings)
    if not database.is_there():
        where, what = str(settings.data_dir), "FLOWKEYS_DATA_DIR"
        if database.url is not None:
            where, what = database.name, "FLOWKEYS_DATABASE to the one that the server uses"
        raise ConfigurationError(f"There is no flowkeys database in {where}. Set {what}.")
    secrets = secret_file.known(settings.given_secret(), settings.secret_file)
    if not secrets.secrets:
        raise ConfigurationError(
            f"There is no server secret in {secrets.where}: without it nothing is verified."
        )
    database.require_current()
    with database.snapshot() as tx:
        found = check_chain(tx, secrets, kept)
        if kept is None and found.fault is None:
            found = _beside_journal(database, settings.journal_file, secrets, found)
        row = None if found.fault is None else tx.audit_chain.peek(found.fault.seq)
    if as_json:
        print_json(_members(found, row))
    else:
        _tell(found, row)
    if found.fault is not None or found.unverified:
        raise typer.Exit(ExitCode.CONFIGURATION)


def _beside_journal(database: "Look", journal: Path, secrets: ServerSecrets, found: Verified) -> Verified:
    """Return what was found, with a fault where the log lacks what this server wrote down outside of it."""
    try:
        missing = database.beside(journal, secrets, whole=False).missing
    except OSError:
        return found
    if not missing:
        return found
    line = missing[-1]
    message = (
        f"The end was cut, or an older backup was restored: revocations.journal tells of row {line.seq} "
        f"({line.action} of {line.at}), which the log does not have. The log ends with row {found.head.seq}."
    )
    return msgspec.structs.replace(found, fault=Fault("cut", found.head.seq + 1, message))


def _members(found: Verified, row: dict[str, Any] | None) -> Json:
    fault = found.fault
    return {
        "whole": fault is None and not found.unverified,
        "rows": found.rows,
        "head": str(found.head),
        "unverified": [list(part) for part in found.unverified],
        "fault": None
        if fault is None
        else {"kind": fault.kind, "row": fault.seq, "message": fault.message, "says": row},
    }


def _tell(found: Verified, row: dict[str, Any] | None) -> None:
    for first, last in found.unverified:
        note(f"Rows {first} to {last} cannot be verified: the secret that they need is not there.")
    if found.fault is None:
        rows = counted(found.rows, "row")
        what = "whole" if not found.unverified else "not known to be whole"
        say(f"The audit log is {what}: {rows}. Its head is {found.head}")
        return
    say(found.fault.message)
    if row is not None:
        said = ", ".join(
            f"{name} {printable(str(value))}" for name, value in row.items() if value is not None
        )
        note(f"It says now: {said}")
    if found.rows:
        are = "is as it was" if found.rows == 1 else "are as they were"
        note(f"The {counted(found.rows, 'row')} before it, up to row {found.head.seq}, {are} written.")
