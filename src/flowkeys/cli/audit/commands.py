"""``flowkeys audit``: who did what, and whether the log is as it was written."""

import sys
from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.audit.output import show_entries
from flowkeys.cli.audit.verify import verify as run_verify
from flowkeys.cli.backends.backend import AuditFilter, Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.output import print_json, print_page, say
from flowkeys.cli.streams import as_json as to_json

app = typer.Typer(no_args_is_help=True, help="Read the audit log, and verify it.")

Subject = Annotated[
    str | None,
    typer.Option(
        "--subject", metavar="ID", help="What was changed: an id, or a kind: key, chatflow, person…"
    ),
]
Actor = Annotated[
    str | None,
    typer.Option(
        "--actor", metavar="WHO", help="Who did it: an id, a name, or key, person, operator, system."
    ),
]
Action = Annotated[
    str | None, typer.Option("--action", metavar="ACTION", help="What was done: key.revoke, person.sign_in…")
]
Since = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Not before this day or time: 2027-01-31.")
]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Not after this day or time.")]


@app.command("list")
def list_entries(
    *,
    subject: Subject = None,
    actor: Actor = None,
    action: Action = None,
    since: Since = None,
    until: Until = None,
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List who did what, newest first; without --page the 1,000 newest."""
    wanted = AuditFilter(subject=subject, actor=actor, action=action, since=since, until=until)
    with open_backend(workspace) as backend:
        found = backend.audit.entries(wanted, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_page(found, "entry", show_entries, plural="entries")


@app.command("export")
def export(
    *,
    subject: Subject = None,
    actor: Actor = None,
    action: Action = None,
    since: Since = None,
    until: Until = None,
    workspace: options.Workspace = None,
) -> None:
    """Print all entries that match as JSON lines, newest first, however many there are."""
    wanted = AuditFilter(subject=subject, actor=actor, action=action, since=since, until=until)
    with open_backend(workspace) as backend:
        for entry in backend.audit.every(wanted):
            say(to_json(entry, sys.stdout))


@app.command("head")
def head(*, as_json: options.AsJson = False) -> None:
    """Print the head of the log. Keep it elsewhere: verify --head finds a cut end by it."""
    with open_backend() as backend:
        found = backend.audit.head()
    print_json(found) if as_json else say(found["head"])


@app.command("verify")
def verify(
    *,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="HEAD", help="A head that was kept: finds out that the end was cut."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Verify the whole log; name the first row that was changed, removed or put in. Changes nothing.

    The exit code is 3 unless all of it is as it was written.
    """
    run_verify(head, as_json=as_json)
