"""``flowkeys revocations``: what took access away, and a database that was restored does not know."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.exit_codes import ExitCode
from flowkeys.cli.output import NONE, print_json, print_table, say, when
from flowkeys.cli.streams import counted, note
from flowkeys.domain.audit.taken import MARK, Line, last_effects
from flowkeys.domain.errors import ConfigurationError
from flowkeys.service.keys.brought_back import end_again, was_enabled_since

if TYPE_CHECKING:
    from flowkeys.bootstrap.looking import Look
    from flowkeys.config import Settings
    from flowkeys.domain.keys.server_secrets import ServerSecrets
    from flowkeys.storage.audit.comparing import Compared
    from flowkeys.storage.transaction import Tables


def revocations(
    *,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="FILE",
            help="Another machine's journal, which was copied to here. Else this machine's own.",
        ),
    ] = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="End again what had ended. A start does so with this machine's own."),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List what was revoked and an older database, that was restored, does not know; end it again.

    Nothing is changed without --apply. The exit code is 3 when something is left to be ended.
    """
    require_local("flowkeys revocations")
    from flowkeys import config
    from flowkeys.bootstrap.looking import Look
    from flowkeys.storage.secrets import secret_file

    settings = config.load()
    database = Look(settings)
    path = journal or settings.journal_file
    if not database.is_there():
        raise ConfigurationError(f"There is no flowkeys database: {database.name}.")
    database.require_current()
    secrets = secret_file.known(settings.given_secret(), settings.secret_file)
    compared = _compared(database, path, secrets)
    lines = last_effects(compared.missing)
    left = _look(database, lines)
    if apply and compared.missing:
        _end(settings, path, lines)
        before, left = left, _look(database, lines)
        done = [now["id"] for was, now in zip(before, left, strict=True) if was["isLeft"] > now["isLeft"]]
    else:
        done = []
    if as_json:
        print_json(
            {
                "journal": str(path),
                "events": sum(line.effect != MARK for line in compared.found.lines),
                "faults": list(compared.found.faults),
                "missing": left,
                "endedAgain": done,
            }
        )
    else:
        _tell(path, compared, left, done)
    if any(one["isLeft"] for one in left):
        raise typer.Exit(ExitCode.CONFIGURATION)


def _compared(database: "Look", path: Path, secrets: "ServerSecrets") -> "Compared":
    if not path.is_file():
        raise ConfigurationError(f"There is no journal {path}. Name one with --journal FILE.")
    found = database.beside(path, secrets, whole=True)
    if found.found.unverified and not secrets.ids:
        raise ConfigurationError(
            f"There is no server secret in {secrets.where}: without it nobody knows who wrote {path}."
        )
    return found


def _look(database: "Look", lines: dict[str, Line]) -> list[dict[str, Any]]:
    with database.snapshot() as tx:
        return [_shown(tx, line) for line in lines.values()]


def _shown(tx: "Tables", line: Line) -> dict[str, Any]:
    is_customer = line.action.startswith("customer.")
    found: Any = (tx.customers if is_customer else tx.keys).get(line.workspace, line.id)
    status = None if found is None else found.status.value
    return {
        "at": line.at,
        "action": line.action,
        "id": line.id,
        "kind": "customer" if is_customer else "key",
        "name": None if found is None else found.name,
        "status": status,
        "effect": line.effect,
        "isLeft": status not in {None, "revoked", line.effect} and not was_enabled_since(tx, line),
    }


def _end(settings: "Settings", path: Path, lines: dict[str, Line]) -> None:
    """End again what is missing; the start of every command does so with the machine's own journal."""
    from flowkeys.bootstrap import clock
    from flowkeys.cli.backends.local import open_local

    with open_local(None, create=False) as backend:
        runtime = backend.runtime
        if path.absolute() != settings.journal_file:
            workspace = backend.run(runtime.workspaces.default()).id
            backend.run(runtime.store.write(lambda tx: end_again(tx, lines, workspace, clock())))


def _tell(path: Path, compared: "Compared", left: list[dict[str, Any]], done: list[str]) -> None:
    for fault in compared.found.faults:
        note(f"Warning: {path}: {fault}. What it says cannot be relied on.")
    events = counted(sum(line.effect != MARK for line in compared.found.lines), "event")
    if not compared.missing:
        say(f"The database knows what {path} tells of: {events}.")
        return
    columns = ("WHEN (UTC)", "WHAT", "NAME", "ID", "STATUS", "TO BE")
    if left:
        print_table(columns, (_row(one) for one in left))
    note(f"The database does not know {len(compared.missing)} of {events} in {path}: it is older.")
    if done:
        note(f"{counted(len(done), 'of them was', 'of them were')} ended again.")
    if any(one["isLeft"] for one in left):
        note("End them again with --apply.")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    to_be = one["effect"] if one["isLeft"] else NONE
    return when(one["at"]), one["action"], one["name"] or NONE, one["id"], one["status"] or NONE, to_be
