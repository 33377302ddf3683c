"""The program ``flowkeys``. Each command is imported when it is run, so that all are quick."""

import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from flowkeys.cli import streams
from flowkeys.cli.exit_codes import MEANINGS, ExitCode, end_by
from flowkeys.cli.failures import Failure, of
from flowkeys.cli.options import require_values
from flowkeys.domain.errors import FlowkeysError
from flowkeys.domain.version import VERSION

_EPILOG: Final = "Exit codes: " + "; ".join(f"{int(code)} {text}" for code, text in MEANINGS.items()) + "."
_HERE: Final = "flowkeys.cli"


class Entry(NamedTuple):
    """A command, or a group of them, and where it is."""

    name: str
    module: str
    attribute: str
    """In the module: a function, or a `typer.Typer` with the commands of a group."""
    help: str
    """The first sentence of its help, as the list of commands has it."""


class Unloaded(TyperCommand):
    """Stands for a command in lists and completions, which want no more than its name and help."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, help=entry.help)
        self._entry = entry

    def load(self) -> Any:
        """Return the command itself, as it would be if it had been imported from the beginning."""
        entry = self._entry
        found = getattr(import_module(entry.module), entry.attribute)
        around = typer.Typer()
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=entry.name)
        else:
            around.command(entry.name)(found)
        around.callback()(lambda: None)  # which makes a group of what would be one command
        whole = get_command(around)
        assert isinstance(whole, TyperGroup)
        return whole.commands[entry.name]


class LazyGroup(TyperGroup):
    """A group of `entries`; of one that is asked for by name the command is loaded."""

    entries: tuple[Entry, ...] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({entry.name: Unloaded(entry) for entry in self.entries})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that comes next; completions behind it ask for it here, too."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Unloaded) else command, rest


class Commands(LazyGroup):
    """Every command, in the order of the help."""

    entries = (
        Entry(
            "ask",
            f"{_HERE}.predictions.ask",
            "ask",
            "Ask a chatflow. Over HTTP with FLOWKEYS_API_KEY; "
            "on this machine as its operator, without a key.",
        ),
        Entry(
            "usage",
            f"{_HERE}.predictions.usage",
            "usage",
            "Show how much was used: the last 24 hours of the workspace, unless something else is asked for.",
        ),
        Entry(
            "doctor",
            f"{_HERE}.doctor.command",
            "doctor",
            "Examine configuration, data directory, database, secret, disk and chatflows. Changes nothing.",
        ),
        Entry(
            "serve",
            f"{_HERE}.server.command",
            "serve",
            "Serve the API. Settings come from FLOWKEYS_… and config.toml; these options win.",
        ),
        Entry(
            "migrate",
            f"{_HERE}.server.migrate",
            "migrate",
            "Bring the database's schema up to date. "
            "Needed where FLOWKEYS_MIGRATE is false; else each start does.",
        ),
        Entry(
            "backup",
            f"{_HERE}.server.backups.backup",
            "backup",
            "Copy the database to a file, whole and as it is at one moment, while servers go on.",
        ),
        Entry(
            "restore",
            f"{_HERE}.server.backups.restore",
            "restore",
            "Put a backup in the place of the database. No server may run; nothing that is there is lost.",
        ),
        Entry(
            "copy",
            f"{_HERE}.server.backups.copying",
            "copy",
            "Copy everything from a file to an empty PostgreSQL database, or back, and compare both.",
        ),
        Entry(
            "revocations",
            f"{_HERE}.server.backups.revocations",
            "revocations",
            "List what was revoked and an older database, that was restored, does not know; end it again.",
        ),
        Entry("keys", f"{_HERE}.keys.commands", "app", "Make, list, change and revoke API keys."),
        Entry(
            "customers",
            f"{_HERE}.customers.commands",
            "app",
            "Make, list, change and end customers, whom keys belong to.",
        ),
        Entry(
            "webhooks",
            f"{_HERE}.webhooks.commands",
            "app",
            "Announce what becomes of keys to addresses of your own.",
        ),
        Entry("flows", f"{_HERE}.chatflows.commands", "app", "Add, list, bind and remove chatflows."),
        Entry(
            "credentials",
            f"{_HERE}.chatflows.credentials",
            "app",
            "Keep what chatflows show to models and services.",
        ),
        Entry(
            "variables",
            f"{_HERE}.chatflows.variables",
            "app",
            "Set, list and delete the variables of chatflows.",
        ),
        Entry(
            "workspaces",
            f"{_HERE}.server.workspaces",
            "app",
            "Make and list workspaces, on the server's machine.",
        ),
        Entry(
            "users",
            f"{_HERE}.people.users",
            "app",
            "List people, and help who forgot a password; on its machine.",
        ),
        Entry("policy", f"{_HERE}.keys.policy", "app", "What the workspace asks of all its keys."),
        Entry("reports", f"{_HERE}.keys.reports", "app", "The keys that somebody should look at."),
        Entry("audit", f"{_HERE}.audit.commands", "app", "Read the audit log, and verify it."),
    )


app = typer.Typer(
    name="flowkeys",
    cls=Commands,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    help="API keys for chatflows. Works on the data directory FLOWKEYS_DATA_DIR (~/.flowkeys), or over HTTP "
    "with FLOWKEYS_URL and FLOWKEYS_API_KEY.",
)


def _version(wanted: bool) -> None:
    if wanted:
        streams.say(f"flowkeys {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run the program, and end it with its exit code, whatever threads of chatflows still do."""
    code: object = ExitCode.UNEXPECTED
    try:
        code = main(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as error:
        code = error.code
        raise
    finally:
        end_by(code)
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code; what went wrong is said in one sentence."""
    as_json, as_log = "--json" in arguments, _logs_json(arguments)
    streams.prepare()
    try:
        require_values(arguments)
        result = app(arguments, prog_name="flowkeys", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        streams.drop()  # ended quietly when the reader of the output went away, as ``head`` does
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            return ExitCode.USAGE
        failure = _failure(error, arguments, quiet=as_json or as_log)
        if failure is None and as_log:
            return _fault(error).log(exception=traceback.format_exc())
        if failure is None and as_json:
            traceback.print_exc()
            return _fault(error).show(as_json=True)
        if failure is None:
            raise
        return failure.log() if as_log else failure.show(as_json=as_json)
    return result if isinstance(result, int) else ExitCode.OK


def _failure(error: BaseException, arguments: list[str], *, quiet: bool) -> Failure | None:
    """Return how the program ends with an error; None: it is a fault of ours."""
    if isinstance(error, FlowkeysError):
        return of(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return Failure("interrupted", "Interrupted.")
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, UnicodeEncodeError) and any(_is_half(c) for text in arguments for c in text):
        return Failure("usage", "An argument holds bytes that are no text in UTF-8.")
    if hasattr(error, "format_message"):
        return _usage(error, quiet=quiet)
    return None


def _fault(error: BaseException) -> Failure:
    return Failure("internal_error", f"A fault of flowkeys: {type(error).__name__}.")


def _logs_json(arguments: list[str]) -> bool:
    """Tell whether what goes wrong is a line of the server's log."""
    if arguments[:1] != ["serve"] or "--help" in arguments:
        return False
    from flowkeys import config
    from flowkeys.telemetry import logs

    return not logs.is_text(config.log_format())


def _is_half(character: str) -> bool:
    """Tell whether it stands for a byte that could not be read as text (PEP 383)."""
    return "\ud800" <= character <= "\udfff"


def _system(error: OSError) -> Failure:
    """Return the failure for what the system refused: a file that may not be read, a full disk."""
    why = error.strerror or str(error)
    if streams.failed():
        return Failure("output_failed", f"The output cannot be written: {why}.")
    if isinstance(error, PermissionError) and isinstance(error.filename, str):
        from flowkeys.storage.sqlite.access import of_file

        return Failure("configuration", of_file(Path(error.filename)) or f"{error.filename}: {why}")
    return Failure("configuration", f"{error.filename}: {why}" if error.filename else f"{why}.")


def _usage(error: BaseException, *, quiet: bool) -> Failure:
    """Say how a command is written, for an exception of Typer's (click's, in its older versions)."""
    context = getattr(error, "ctx", None)
    if context is not None and not quiet:
        streams.note(context.get_usage())
        streams.note(f"Help: {context.command_path} --help")
    return Failure("usage", error.format_message())  # type: ignore[attr-defined]
