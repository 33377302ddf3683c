"""``flowkeys credentials``: what nodes show to models and services."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Backend, Json
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.chatflows.secrets import read_values
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import NONE, moment, print_fields, print_json, print_page, print_table, say
from flowkeys.cli.streams import note, printable
from flowkeys.domain.ids import is_id
from flowkeys.service.flows.credential_input import CredentialPatch

app = typer.Typer(no_args_is_help=True, help="Keep what chatflows show to models and services.")

_KIND: Final = "openAIApi"
Credential = Annotated[
    str, typer.Argument(metavar="CREDENTIAL", help="A credential: its id, or its name, which only one has.")
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", metavar="URL", help="The only address that it is sent to.")
]
From = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="Where its secret is, else typed or piped in.")
]
Member = Annotated[
    list[str] | None,
    typer.Option("--member", metavar="NAME=VALUE", help="What it holds that is no secret. Repeatable."),
]


@app.command("list")
def list_credentials(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """List credentials by name, without what they hold."""
    with open_backend(workspace) as backend:
        found = backend.credentials.all()
    if as_json:
        print_json(found)
    else:
        print_page(found, "credential", _show_all)


@app.command("show")
def show(
    credential: Credential, *, workspace: options.Workspace = None, as_json: options.AsJson = False
) -> None:
    """Show one credential without what it holds, and the chatflows that name it."""
    with open_backend(workspace) as backend:
        found = backend.credentials.get(_found(backend, credential)["id"])
    _print(found, as_json=as_json)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What chatflows name it by.")],
    *,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="What it is for, by Flowise's name.")
    ] = _KIND,
    base_url: BaseUrl = None,
    from_: From = None,
    member: Member = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a credential. Its secret is typed, piped in or read from a file, and never shown again."""
    values = read_values(kind, from_, member or ())
    new = CredentialPatch(name=name, base_url=base_url or "", values=values)
    with open_backend(workspace, create=True) as backend:
        made = backend.credentials.create(kind, new)
    _print(made, as_json=as_json)


@app.command("update")
def update(
    credential: Credential,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    base_url: BaseUrl = None,
    secret: Annotated[bool, typer.Option("--secret", help="Give all that it holds anew.")] = False,
    from_: From = None,
    member: Member = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Change a credential. With another base URL it loses what it holds, unless that is given anew."""
    holds = secret or from_ is not None or bool(member)
    if name is None and base_url is None and not holds:
        raise typer.BadParameter("Say what to change: --name NAME, --base-url URL, --secret or --from FILE.")
    with open_backend(workspace) as backend:
        found = _found(backend, credential)
        patch = CredentialPatch(
            name=msgspec.UNSET if name is None else name,
            base_url=msgspec.UNSET if base_url is None else base_url,
            values=read_values(found["credentialName"], from_, member or ()) if holds else msgspec.UNSET,
        )
        _print(backend.credentials.update(found["id"], patch), as_json=as_json)


@app.command("delete")
def delete(credential: Credential, *, yes: options.Yes = False, workspace: options.Workspace = None) -> None:
    """Delete a credential. Chatflows that name it cannot run until they name another."""
    with open_backend(workspace) as backend:
        found = backend.credentials.get(_found(backend, credential)["id"])
        used = ", ".join(repr(printable(flow["name"])) for flow in found["usedBy"])
        name = printable(found["name"])
        confirm(f"Delete the credential {name!r}? Chatflows that name it: {used or 'none'}.", yes=yes)
        backend.credentials.delete(found["id"])
    say(f"Deleted the credential {name!r} ({found['id']}).", err=True)


def _found(backend: Backend, ref: str) -> Json:
    """Return the credential that `ref` names.

    Raises:
        Refusal: there is none.
    """
    if is_id(ref):
        return backend.credentials.get(ref.lower())
    found = next((item for item in backend.credentials.all() if item["name"] == ref), None)
    if found is None:
        advice = "List them with: flowkeys credentials list"
        raise Refusal("not_found", f"There is no credential {ref!r}. {advice}")
    return found


def _show_all(credentials: list[Json]) -> None:
    print_table(
        ("NAME", "KIND", "BASE URL", "STATE", "ID"),
        (
            (
                item["name"],
                item["credentialName"],
                item["baseUrl"] or NONE,
                "ready" if item["problem"] is None else "not usable",
                item["id"],
            )
            for item in credentials
        ),
    )


def _print(credential: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(credential)
        return
    fields = [
        ("name", credential["name"]),
        ("id", credential["id"]),
        ("kind", credential["credentialName"]),
        ("base URL", credential["baseUrl"] or NONE),
        ("made", moment(credential["createdDate"])),
        ("changed", moment(credential["updatedDate"])),
    ]
    if "usedBy" in credential:
        fields.append(("used by", ", ".join(flow["name"] for flow in credential["usedBy"]) or NONE))
    print_fields(fields)
    if credential["problem"] is not None:
        note(f"It cannot be used: {credential['problem']}")
