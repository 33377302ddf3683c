"""``flowkeys workspaces``: the walls between tenants, put up on the server's machine only."""

from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Json
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.output import print_json, print_table, say, when
from flowkeys.cli.streams import printable
from flowkeys.domain.people.workspace import Workspace
from flowkeys.domain.times import to_iso

app = typer.Typer(no_args_is_help=True, help="Make and list workspaces, on the server's machine.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that no other workspace has.")],
    *,
    as_json: options.AsJson = False,
) -> None:
    """Make a workspace. Name it with --workspace in other commands."""
    require_local("flowkeys workspaces")
    from flowkeys.cli.backends.local import open_local

    with open_local(None, create=True) as backend:
        made = backend.run(backend.runtime.workspaces.create(name))
    if as_json:
        print_json(_wire(made))
    else:
        say(f"{printable(made.name)}  {made.id}")


@app.command("list")
def list_workspaces(*, as_json: options.AsJson = False) -> None:
    """List workspaces, oldest first."""
    require_local("flowkeys workspaces")
    from flowkeys.cli.backends.local import open_local

    with open_local(None, create=False) as backend:
        found = [_wire(item) for item in backend.run(backend.runtime.workspaces.all())]
    if as_json:
        print_json(found)
    else:
        print_table(
            ("NAME", "MADE (UTC)", "ID"), ((w["name"], when(w["createdDate"]), w["id"]) for w in found)
        )


def _wire(item: Workspace) -> Json:
    return {"id": item.id, "name": item.name, "createdDate": to_iso(item.created_at)}
