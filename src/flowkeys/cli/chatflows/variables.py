"""``flowkeys variables``: what ``{{ $vars.name }}`` stands for."""

from pathlib import Path
from typing import Annotated, Final

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Backend, Json
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.chatflows.given import read_text
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import print_json, print_page, print_table, say
from flowkeys.domain.chatflows.variable import VariableType
from flowkeys.service.flows.variables import VariablePatch

app = typer.Typer(no_args_is_help=True, help="Set, list and delete the variables of chatflows.")

_SHOWN: Final = 80
Name = Annotated[str, typer.Argument(metavar="NAME", help="The variable's name.")]


@app.command("list")
def list_variables(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """List variables by name."""
    with open_backend(workspace) as backend:
        found = backend.variables.all()
    if as_json:
        print_json(found)
    else:
        print_page(found, "variable", _show_all)


@app.command("set")
def set_variable(
    name: Name,
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help="Every chatflow reads it: no place for secrets.")
    ] = None,
    *,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="Where the value is; - is what is piped in."),
    ] = None,
    runtime: Annotated[
        bool,
        typer.Option("--runtime", help="It has the environment's value, where that is allowed."),
    ] = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a variable, or give it another value. Chatflows read it from their next call on."""
    if [value is not None, from_ is not None, runtime].count(True) != 1:
        raise typer.BadParameter("Give a VALUE, --from FILE or --runtime, one of them.")
    given = value if from_ is None else read_text(from_, "value").removesuffix("\n").removesuffix("\r")
    kind = VariableType.RUNTIME if runtime else VariableType.STATIC
    patch = VariablePatch(name=name, type=kind.value, value=given or "")
    with open_backend(workspace, create=True) as backend:
        there = _named(backend, name)
        if there is None:
            made = backend.variables.create(patch)
        else:
            made = backend.variables.update(there["id"], patch)
    if as_json:
        print_json(made)
    else:
        say(f"{'Made' if there is None else 'Changed'} the variable {made['name']}.", err=True)


@app.command("delete")
def delete(name: Name, *, yes: options.Yes = False, workspace: options.Workspace = None) -> None:
    """Delete a variable. Where chatflows name it, the name stays as it is written."""
    with open_backend(workspace) as backend:
        found = _named(backend, name)
        if found is None:
            advice = "List them with: flowkeys variables list"
            raise Refusal("not_found", f"There is no variable {name!r}. {advice}")
        confirm(f"Delete the variable {found['name']}?", yes=yes)
        backend.variables.delete(found["id"])
    say(f"Deleted the variable {found['name']}.", err=True)


def _named(backend: Backend, name: str) -> Json | None:
    return next((item for item in backend.variables.all() if item["name"] == name), None)


def _show_all(variables: list[Json]) -> None:
    print_table(
        ("NAME", "TYPE", "VALUE"),
        (
            (
                item["name"],
                item["type"],
                item["value"] if len(item["value"]) <= _SHOWN else f"{item['value'][:_SHOWN]}…",
            )
            for item in variables
        ),
    )
