"""``flowkeys flows approve``: the code of a chatflow, looked at and approved."""

from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.output import print_json, say
from flowkeys.cli.streams import note, printable

Withdraw = Annotated[
    bool, typer.Option("--withdraw", help="Approve the chatflow's code no longer, wherever it is.")
]


def approve(
    flow: options.Flow,
    *,
    withdraw: Withdraw = False,
    yes: options.Yes = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the code that a chatflow would run and nobody approved yet, and approve it."""
    with open_backend(workspace) as backend:
        found = resolve.flow(backend, flow)
        pieces = {piece["digest"]: piece for piece in backend.code(found["id"])}
        asked = [piece for piece in pieces.values() if piece["approved"] is withdraw]
        name = printable(found["name"])
        if asked:
            for piece in asked:
                note(f"--- {printable(piece['label'])} ({piece['digest']})")
                note("\n".join(printable(line) for line in piece["code"].splitlines()))
            do = "Approve this no longer" if withdraw else "Approve this code"
            confirm(f"{do}, in {name!r} and wherever else the workspace has it?", yes=yes)
            digests = [piece["digest"] for piece in asked]
            after = backend.approve_code(found["id"], digests, withdraw=withdraw)
        else:
            after = list(pieces.values())
    if as_json:
        print_json(after)
    elif not asked:
        say(f"{name!r} has no code that {'is' if withdraw else 'waits to be'} approved.")
    else:
        say(f"{'No longer approved' if withdraw else 'Approved'}: {len(asked)} of {name!r}.")
