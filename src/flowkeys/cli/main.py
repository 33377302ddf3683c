"""The program ``flowkeys``. Subcommands import what is heavy when they run, so that help is quick."""

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from flowkeys.cli import streams
from flowkeys.cli.audit import commands as audit
from flowkeys.cli.chatflows import commands as flows
from flowkeys.cli.customers import commands as customers
from flowkeys.cli.doctor.command import doctor
from flowkeys.cli.exit_codes import MEANINGS, ExitCode
from flowkeys.cli.failures import Failure, of
from flowkeys.cli.keys import commands as keys
from flowkeys.cli.keys import policy, reports
from flowkeys.cli.options import require_values
from flowkeys.cli.people import users
from flowkeys.cli.predictions.ask import ask
from flowkeys.cli.predictions.usage import usage
from flowkeys.cli.server import workspaces
from flowkeys.cli.webhooks import commands as webhooks
from flowkeys.domain.errors import FlowkeysError
from flowkeys.domain.version import VERSION

_EPILOG = "Exit codes: " + "; ".join(f"{int(code)} {text}" for code, text in MEANINGS.items()) + "."

app = typer.Typer(
    name="flowkeys",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    help="API keys for chatflows. Works on the data directory FLOWKEYS_DATA_DIR (~/.flowkeys), or over HTTP "
    "with FLOWKEYS_URL and FLOWKEYS_API_KEY.",
)
app.add_typer(keys.app, name="keys")
app.add_typer(customers.app, name="customers")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(flows.app, name="flows")
app.add_typer(workspaces.app, name="workspaces")
app.add_typer(users.app, name="users")
app.add_typer(policy.app, name="policy")
app.add_typer(reports.app, name="reports")
app.add_typer(audit.app, name="audit")
app.command("ask")(ask)
app.command("usage")(usage)
app.command("doctor")(doctor)


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


@app.command("serve")
def serve(
    *,
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="The port; 0 picks a free one.")
    ] = None,
    uds: Annotated[
        str | None,
        typer.Option(
            "--uds",
            metavar="PATH",
            help="A Unix socket to listen on, for a proxy on this machine. No port is opened then, unless "
            "--host or --port is given too.",
        ),
    ] = None,
) -> None:
    """Serve the API. Settings come from FLOWKEYS_… and config.toml; these options win."""
    import gc

    gc.disable()  # what is loaded stays; the server turns it on when it is ready
    from flowkeys import config
    from flowkeys.cli.server.serve import serve as run_server

    given = {"host": host, "port": port, "uds": uds}
    settings = config.load(**{name: value for name, value in given.items() if value is not None})
    with suppress(KeyboardInterrupt):  # the way to stop it
        run_server(settings)


def run() -> None:
    """Run the program, and end it with its exit code."""
    sys.exit(main(sys.argv[1:]))


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
