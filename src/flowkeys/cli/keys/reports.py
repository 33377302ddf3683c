"""``flowkeys reports``: the keys that somebody should look at."""

from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.keys.output import show_keys
from flowkeys.cli.output import print_json, print_page, print_table, say

app = typer.Typer(no_args_is_help=True, help="The keys that somebody should look at.")


@app.command("list")
def list_reports(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """List the reports, with the number of keys in each and what to do about them."""
    with open_backend(workspace) as backend:
        found = backend.reports.all()
    if as_json:
        print_json(found)
    else:
        print_table(
            ("REPORT", "KEYS", "WHAT TO DO"),
            ((item["name"], str(item["total"]), item["advice"]) for item in found),
        )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="REPORT", help="Its name, as flowkeys reports list has it.")],
    *,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print the ids alone, a line each: for xargs flowkeys keys disable.")
    ] = False,
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List the keys of a report, the first made first; without --page up to 1,000."""
    with open_backend(workspace) as backend:
        found = backend.reports.keys(name, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    elif ids:
        for key in found if isinstance(found, list) else found["data"]:
            say(key["id"])
    else:
        print_page(found, "key", show_keys)
