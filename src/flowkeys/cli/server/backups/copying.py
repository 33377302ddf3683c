"""``flowkeys copy``: from a file to PostgreSQL, or back."""

from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import print_json, say
from flowkeys.cli.server.backups.progress import shown
from flowkeys.cli.streams import counted, note
from flowkeys.config.database import database_of, is_postgres
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.server_secrets import ServerSecrets

if TYPE_CHECKING:
    from flowkeys.storage.moving.ends import Source, Target
    from flowkeys.storage.moving.run import Copied
    from flowkeys.storage.transaction import Tables


def copy(
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="URL", help="What is copied: sqlite:///PATH or postgresql://…")
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="URL", help="Where to: an empty database of the other kind.")
    ],
    snapshot: Annotated[
        bool,
        typer.Option(
            "--snapshot",
            help="Copy what is there now, though servers go on: what changes behind that is not copied.",
        ),
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Throw away what an interrupted copy left in the target.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Copy everything from a file to an empty PostgreSQL database, or back, and compare both.

    Keys go on working with the same server secret, which is not copied. What was interrupted goes on when it
    is run again; no server starts on the target before it has ended.
    """
    require_local("flowkeys copy")
    from flowkeys import config
    from flowkeys.storage.moving.run import copy as run
    from flowkeys.storage.secrets import secret_file

    place, aim = _place(source, "--from"), _place(target, "--to")
    if is_postgres(place) == is_postgres(aim):
        raise Refusal("usage", _SAME_KIND[is_postgres(place)])
    settings = config.load()
    secrets = secret_file.known(settings.given_secret(), settings.secret_file)
    with ExitStack() as opened, shown(quiet=as_json) as progress:
        there = opened.enter_context(closing(_source(place, secrets)))
        _require_unused(there, snapshot=snapshot)
        here = opened.enter_context(closing(_target(aim)))
        copied = run(there, here, progress, snapshot=snapshot, anew=anew)
        name = there.name, here.name
    checked = _Checked(aim, secrets)
    if as_json:
        print_json(_members(*name, copied, checked))
        return
    _tell(*name, copied, checked)


_SAME_KIND = (
    "Both are files. Copy one with flowkeys backup, and put it in its place with flowkeys restore.",
    "Both are PostgreSQL databases, which has tools of its own: pg_dump --format=custom, and pg_restore.",
)


def _place(url: str, option: str) -> str:
    try:
        return database_of(url)
    except ValueError as error:
        raise Refusal("usage", f"{option}: {error}.") from None


def _source(place: str, secrets: ServerSecrets) -> "Source":
    if not is_postgres(place):
        from flowkeys.storage.moving.from_sqlite import SqliteSource

        return SqliteSource(Path(place))
    from flowkeys.bootstrap import clock
    from flowkeys.service.audit.opening import look
    from flowkeys.storage.moving.from_postgres import PostgresSource
    from flowkeys.storage.postgres import health

    health.require_current(place)
    key = None
    if secrets.secrets:
        with health.snapshot(place) as tx:
            opened = look(tx, secrets, clock())
        key = None if opened.changes else opened.key
    return PostgresSource(place, key)


def _target(place: str) -> "Target":
    if not is_postgres(place):
        from flowkeys.storage.moving.to_sqlite import SqliteTarget

        return SqliteTarget(Path(place))
    from flowkeys.storage.moving.to_postgres import PostgresTarget

    return PostgresTarget(place)


def _require_unused(source: "Source", *, snapshot: bool) -> None:
    """Raise `ConfigurationError` while a server runs on what is copied, unless that is wanted."""
    if snapshot:
        return
    from flowkeys.bootstrap import clock
    from flowkeys.cli.server.presence import is_gone

    now = clock()
    there = [one for one in source.processes() if one.is_there(now) and not is_gone(one)]
    if there:
        who = ", ".join(f"process {one.pid} on {one.host}" for one in there)
        raise ConfigurationError(
            f"A server runs on {source.name} ({who}). What it writes meanwhile would be missing in the copy, "
            "revocations too: stop it first. A server that was killed counts as running for 35 seconds. To "
            "try "
            "a copy out while it runs, add --snapshot."
        )


class _Checked:
    """What is known of a copy with the secrets that are here."""

    def __init__(self, place: str, secrets: ServerSecrets) -> None:
        from flowkeys.service.audit.checking import check_chain

        self.warnings: list[str] = []
        with _looked(place) as tx:
            used = tx.keys.secrets()
            known = {*secrets.ids, *secrets.earlier(set(used))}
            missing = [name for name in used if name not in known]
            self.log = check_chain(tx, secrets) if secrets.secrets else None
        self.carries = "the server secret" + (f" ({', '.join(used)})" if used else "")
        if missing:
            self.warnings.append(
                f"Keys were made under the secret {', '.join(missing)}, which is not in {secrets.where}: a "
                "server on the copy needs it, or these keys are refused."
            )
        if self.log is None:
            self.warnings.append(
                "The audit log was not verified: the server secret is not here. Where it is, run: flowkeys "
                "audit "
                "verify"
            )
        elif self.log.fault is not None:
            self.warnings.append(
                "The audit log is not as it was written, and was not in what was copied: "
                f"{self.log.fault.message}"
            )
        elif self.log.unverified:
            self.warnings.append("Parts of the audit log cannot be verified: their secret is not here.")

    @property
    def is_whole(self) -> bool:
        """Whether all of the audit log is as it was written, as far as that is known here."""
        return self.log is not None and self.log.fault is None and not self.log.unverified


def _looked(place: str) -> AbstractContextManager["Tables"]:
    if is_postgres(place):
        from flowkeys.storage.postgres import health as postgres

        return postgres.snapshot(place)
    from flowkeys.storage.sqlite import health

    return health.snapshot(Path(place))


def _members(source: str, target: str, copied: "Copied", checked: _Checked) -> dict[str, Any]:
    return {
        "from": source,
        "to": target,
        "rows": sum(each.rows for each in copied.tables.values()),
        "resumedRows": copied.resumed,
        "beganAnew": copied.began_anew,
        "replacedNul": copied.replaced,
        "tables": {name: msgspec.to_builtins(each._asdict()) for name, each in copied.tables.items()},
        "auditLog": None if checked.log is None else {"whole": checked.is_whole, "rows": checked.log.rows},
        "warnings": checked.warnings,
    }


def _tell(source: str, target: str, copied: "Copied", checked: _Checked) -> None:
    if copied.resumed:
        note(f"It went on behind {counted(copied.resumed, 'row')} that an interrupted copy had left.")
    if copied.began_anew:
        note("What was copied had changed since the copy was interrupted, so it began anew.")
    if copied.replaced:
        note(
            f"Warning: {copied.replaced} texts held NUL, which PostgreSQL does not keep: U+FFFD is in its "
            "place."
        )
    for warning in checked.warnings:
        note(f"Warning: {warning}")
    rows = sum(each.rows for each in copied.tables.values())
    filled = sum(1 for each in copied.tables.values() if each.rows)
    what = f"{counted(rows, 'row')} in {counted(filled, 'table')}"
    say(f"{target} has all that {source} had: {what}, compared one by one.")
    if checked.is_whole and checked.log is not None:
        say(f"The audit log is whole: {counted(checked.log.rows, 'row')}. Its head is {checked.log.head}")
    note(
        f"Not copied: {checked.carries}, config.toml and credentials, which are in the data directory or the "
        "environment. Keys work on the copy where the server has the same secret. Move the old database "
        "away, "
        "so that no server starts on it: what is revoked from now on is not revoked there."
    )
