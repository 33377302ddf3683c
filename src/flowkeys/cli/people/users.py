"""``flowkeys users``: the people who sign in, on the server's machine only."""

from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Json
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.output import print_json, print_table, say, when
from flowkeys.cli.shown_once import require_output, shown_once
from flowkeys.cli.streams import printable
from flowkeys.domain.people.person import PersonSeen
from flowkeys.domain.times import to_iso

app = typer.Typer(no_args_is_help=True, help="List people, and help who forgot a password; on its machine.")


@app.command("list")
def list_users(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """List the people of a workspace, who came first first."""
    require_local("flowkeys users")
    from flowkeys.cli.backends.local import open_local

    with open_local(workspace, create=False) as backend:
        found = [_wire(item) for item in backend.run(backend.runtime.people.all(backend.caller))]
    if as_json:
        print_json(found)
        return
    columns = ("EMAIL", "NAME", "ROLE", "LAST SEEN (UTC)", "CAME (UTC)")
    shown = ("email", "name", "role")
    print_table(
        columns,
        ((*(one[name] for name in shown), when(one["lastSeenAt"]), when(one["createdAt"])) for one in found),
    )


@app.command("reset")
def reset(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address somebody signs in with.")],
    *,
    as_json: options.AsJson = False,
) -> None:
    """Print a link by which somebody who forgot their password chooses a new one.

    It works once, within an hour. Their old password works until then.
    """
    require_local("flowkeys users")
    from flowkeys.cli.backends.local import open_local
    from flowkeys.cli.people.links import base_url

    require_output("The link")
    with open_local(None, create=False) as backend:
        issued = backend.run(backend.runtime.links.reset_link(email))
        url = base_url(backend.runtime.settings) + issued.path
    with shown_once("The link was made, and nobody has seen it. Run the command again: that ends this one."):
        if as_json:
            expires_at = to_iso(issued.link.expires_at)
            print_json({"email": issued.link.email, "url": url, "expiresAt": expires_at})
        else:
            say(url)
    if not as_json:
        say(f"It works once, within an hour, for {printable(issued.link.email or '')}.", err=True)


def _wire(item: PersonSeen) -> Json:
    person, seen = item.person, item.last_seen_at
    return {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "role": person.role.value,
        "permissions": sorted(person.held()),
        "workspaceId": person.workspace_id,
        "createdAt": to_iso(person.created_at),
        "lastSeenAt": None if seen is None else to_iso(seen),
    }
