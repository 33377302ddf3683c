"""``flowkeys policy``: what a workspace asks of all its keys."""

from typing import Annotated, Any, Final

import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Json
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.keys import input as key_input
from flowkeys.cli.output import moment, print_fields, print_json, print_table, say
from flowkeys.cli.streams import counted

app = typer.Typer(no_args_is_help=True, help="What the workspace asks of all its keys.")

_NONE: Final = "none"
Number = Annotated[str | None, typer.Option(metavar="N", help="A number, or none for no limit.")]


@app.command("show")
def show(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Show the policy."""
    with open_backend(workspace) as backend:
        _print(backend.policies.get(), as_json=as_json)


@app.command("set")
def set_policy(
    *,
    max_lifetime_days: Number = None,
    expiry_required: Annotated[
        bool | None,
        typer.Option("--expiry-required/--no-expiry-required", help="Whether each key has to have an end."),
    ] = None,
    rotate_after_days: Number = None,
    max_keys_per_person: Number = None,
    allowed_ip: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-ip", metavar="CIDR", help="The whole new set, repeatable; none for anywhere."
        ),
    ] = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Change what is given of the policy; the rest stays, and so do keys that break it."""
    numbers = {
        "max_lifetime_days": max_lifetime_days,
        "rotate_after_days": rotate_after_days,
        "max_keys_per_person": max_keys_per_person,
    }
    changes: dict[str, Any] = {
        name: _number(name, text) for name, text in numbers.items() if text is not None
    }
    if expiry_required is not None:
        changes["expiry_required"] = expiry_required
    if allowed_ip is not None:
        networks = key_input.networks(allowed_ip)
        changes["allowed_ips"] = () if networks == (_NONE,) else networks
    if not changes:
        raise typer.BadParameter("Say what to change, for example --max-lifetime-days 90.")
    with open_backend(workspace) as backend:
        _print(backend.policies.update(changes), as_json=as_json)


@app.command("check")
def check(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Name the keys that do not keep to the policy, and what to do about each."""
    with open_backend(workspace) as backend:
        found = backend.policies.check()
    if as_json:
        print_json(found)
        return
    if found["data"]:
        columns = ("NAME", "ID", "POLICY", "WHAT IS WRONG", "WHAT TO DO")
        print_table(columns, (row for broken in found["data"] for row in _rows(broken)))
    for person in found["people"]:
        has = f"{person['name']} has {counted(person['keys'], 'key')}"
        say(f"{has}: flowkeys keys list --created-by {person['id']}")
    shown, total = len(found["data"]), found["total"]
    how_many = f"{shown} of {total}" if shown != total else f"{total}"
    say(f"{how_many} {'key does' if total == 1 else 'keys do'} not keep to the policy", err=True)


def _rows(broken: Json) -> list[tuple[str, ...]]:
    key = broken["key"]
    return [
        (key["keyName"], key["id"], breach["policy"], breach["message"], _command(key["id"], breach))
        for breach in broken["breaches"]
    ]


def _command(key_id: str, breach: Json) -> str:
    if breach["action"] == "rotate":
        return f"flowkeys keys rotate {key_id}"
    if breach["field"] == "allowedIps":
        option = "--allowed-ip CIDR"
    elif breach.get("latest"):  # not 30 days from now, which would be refused
        option = f"--expires-at {breach['latest']}"
    else:
        option = "--expires-in 30d"
    return f"flowkeys keys update {key_id} {option}"


def _number(name: str, text: str) -> int | None:
    if text == _NONE:
        return None
    if not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(f"--{name.replace('_', '-')}: give a number, or none.")
    return int(text)


def _print(policy: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(policy)
        return

    def limit(name: str, unit: str) -> str:
        return "no limit" if policy[name] is None else f"{policy[name]} {unit}"

    print_fields(
        [
            ("longest lifetime", limit("maxLifetimeDays", "days")),
            ("expiry required", "yes" if policy["expiryRequired"] else "no"),
            ("rotate after", limit("rotateAfterDays", "days")),
            ("keys per person", limit("maxKeysPerPerson", "keys")),
            ("calls come from", ", ".join(policy["allowedIps"]) or "anywhere"),
            ("changed", moment(policy["updatedAt"], "never")),
        ]
    )
