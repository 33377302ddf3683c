"""``flowkeys keys expiring``: which keys end soon."""

from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import KeyFilter, Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.keys.output import show_keys
from flowkeys.cli.output import print_json, print_page


def expiring(
    *,
    within: Annotated[
        str, typer.Option("--within", metavar="DURATION", help="How soon: 14d, 12h or 2w.")
    ] = "14d",
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List the keys that live and end soon, the next to end first."""
    wanted = KeyFilter(sort="expiresAt", expires_within=within)
    with open_backend(workspace) as backend:
        found = backend.keys(wanted, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_page(found, "key", show_keys)
