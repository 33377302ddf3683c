"""``flowkeys keys rotate`` and ``rotation``: a new token for a key, and the end of the old one."""

from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Json
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.keys.output import show_key, told_of_rotation
from flowkeys.cli.output import moment, print_json, say
from flowkeys.cli.shown_once import require_output, shown_once
from flowkeys.cli.streams import note, printable
from flowkeys.domain.keys.rotation import DEFAULT_GRACE_SECONDS
from flowkeys.domain.times import SECOND, parse_duration
from flowkeys.service.keys.rotations import NewRotation


def rotate(
    key: options.Key,
    *,
    grace: Annotated[
        str | None,
        typer.Option(
            "--grace",
            metavar="DURATION",
            help="The old token works for so long: 24h unless given, 0 if it leaked.",
        ),
    ] = None,
    finish_when_unused: Annotated[
        str | None,
        typer.Option(
            "--finish-when-unused",
            metavar="DURATION",
            help="End the old token when it was unused for so long.",
        ),
    ] = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a key a new token, shown this once. The old one works until its grace is over."""
    require_output("The new token")
    new = NewRotation(
        grace_seconds=DEFAULT_GRACE_SECONDS if grace is None else _seconds("--grace", grace),
        finish_when_unused_seconds=(
            None if finish_when_unused is None else _seconds("--finish-when-unused", finish_when_unused)
        ),
    )
    with open_backend(workspace) as backend:
        made = backend.rotate_key(resolve.key_id(backend, key), new)
    lost = (
        f"The key {made['id']} has a new token, and nobody has seen it. Rotate it once more: "
        f"flowkeys keys rotation {made['id']} --end; flowkeys keys rotate {made['id']}"
    )
    with shown_once(lost):
        print_json(made) if as_json else say(made["apiKey"])
    if as_json:
        return
    note("This is the new token, shown this once and stored nowhere: keep it now, in a place for secrets.")
    if made["rotation"] is None:
        note("The old one has ended: it is refused from now on.")
    else:
        note(f"The old one works until {moment(made['rotation']['endsAt'])}.")
    if made["status"] == "disabled":
        note(f"The key is disabled, so both are refused. Enable it with: flowkeys keys enable {made['id']}")


def rotation(
    key: options.Key,
    *,
    end: Annotated[bool, typer.Option("--end", help="End the old token at once.")] = False,
    extend: Annotated[
        str | None,
        typer.Option("--extend", metavar="DURATION", help="Let the old token work for so long, from now on."),
    ] = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how far a rotation is: whether the old token is still used, and by what. Or end or extend it."""
    if end and extend is not None:
        raise typer.BadParameter("Give --end or --extend, not both.")
    grace = 0 if end else None if extend is None else _seconds("--extend", extend)
    with open_backend(workspace) as backend:
        if grace is None:
            found = resolve.key(backend, key)
        else:
            found = backend.set_grace(resolve.key_id(backend, key), grace)
    if as_json:
        print_json(found)
    elif grace is None:
        _show(found)
    else:
        show_key(found)


def _show(key: Json) -> None:
    if key["rotation"] is None:
        say(f"{printable(key['keyName'])!r} is not being rotated: it has one token ({key['apiKey']}).")
        return
    for line in told_of_rotation(key["rotation"]):
        say(line)


def _seconds(option: str, text: str) -> int:
    """Return the seconds of a duration; 0 is one."""
    if text.strip() == "0":
        return 0
    found = parse_duration(text)
    if found is None:
        raise typer.BadParameter(f'{option}: give a duration such as "24h", "7d" or "30m", or 0.')
    return found // SECOND
