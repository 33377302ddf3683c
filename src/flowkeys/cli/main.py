"""The program ``flowkeys``. Subcommands import what is heavy when they run, so that help is quick."""

import sys
import traceback
from contextlib import suppress
from typing import Annotated

import typer

from flowkeys.cli import flows, keys, streams, users, workspaces
from flowkeys.cli.ask import ask
from flowkeys.cli.doctor.command import doctor
from flowkeys.cli.exit_codes import MEANINGS, ExitCode
from flowkeys.cli.failures import Failure, of
from flowkeys.cli.options import require_values
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
app.add_typer(flows.app, name="flows")
app.add_typer(workspaces.app, name="workspaces")
app.add_typer(users.app, name="users")
app.command("ask")(ask)
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
) -> None:
    """Serve the API. Settings come from FLOWKEYS_… and config.toml; these options win."""
    from flowkeys import config
    from flowkeys.cli.serve import serve as run_server

    given = {"host": host, "port": port}
    settings = config.load(**{name: value for name, value in given.items() if value is not None})
    with suppress(KeyboardInterrupt):  # the way to stop it
        run_server(settings)


def run() -> None:
    """Run the program, and end it with its exit code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code; what went wrong is said in one sentence."""
    as_json = "--json" in arguments
    streams.prepare()
    try:
        require_values(arguments)
        result = app(arguments, prog_name="flowkeys", standalone_mode=False)
        sys.stdout.flush()
    except FlowkeysError as error:
        return of(error).show(as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return Failure("interrupted", "Interrupted.").show(as_json=as_json)
    except BrokenPipeError:
        streams.drop()  # ended quietly when the reader of the output went away, as ``head`` does
        return ExitCode.OK
    except OSError as error:
        return _system(error).show(as_json=as_json)
    except UnicodeEncodeError:
        if not any(_is_half(character) for text in arguments for character in text):
            raise
        return Failure("usage", "An argument holds bytes that are no text in UTF-8.").show(as_json=as_json)
    except Exception as error:
        if hasattr(error, "format_message"):
            return _usage(error, as_json=as_json)
        if not as_json:
            raise
        traceback.print_exc()
        return Failure("internal_error", f"A fault of flowkeys: {type(error).__name__}.").show(as_json=True)
    return result if isinstance(result, int) else ExitCode.OK


def _is_half(character: str) -> bool:
    """Tell whether it stands for a byte that could not be read as text (PEP 383)."""
    return "\ud800" <= character <= "\udfff"


def _system(error: OSError) -> Failure:
    """Return the failure for what the system refused: a file that may not be read, a full disk."""
    why = error.strerror or str(error)
    if streams.failed():
        return Failure("output_failed", f"The output cannot be written: {why}.")
    return Failure("configuration", f"{error.filename}: {why}" if error.filename else f"{why}.")


def _usage(error: Exception, *, as_json: bool) -> int:
    """Say how a command is written, for an exception of Typer's (click's, in its older versions)."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return ExitCode.USAGE
    context = getattr(error, "ctx", None)
    if context is not None and not as_json:
        streams.note(context.get_usage())
        streams.note(f"Help: {context.command_path} --help")
    return Failure("usage", error.format_message()).show(as_json=as_json)  # type: ignore[attr-defined]
