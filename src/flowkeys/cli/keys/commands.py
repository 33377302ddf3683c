"""``flowkeys keys``: the life of a key."""

from typing import Annotated

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Backend, Json, KeyFilter, Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.keys import bulk as key_bulk
from flowkeys.cli.keys import checks as key_checks
from flowkeys.cli.keys import input as key_input
from flowkeys.cli.keys import rotations as key_rotations
from flowkeys.cli.keys.expiring import expiring
from flowkeys.cli.keys.output import show_key, show_keys
from flowkeys.cli.output import moment, print_json, print_page, say
from flowkeys.cli.shown_once import require_output, shown_once
from flowkeys.cli.streams import note, printable
from flowkeys.service.keys.input import KeyPatch, NewKey
from flowkeys.service.limits import read_limit_texts, read_quota_texts

app = typer.Typer(no_args_is_help=True, help="Make, list, change and revoke API keys.")

Permissions = Annotated[
    list[str] | None,
    typer.Option("--permission", metavar="NAME", help="For management, repeatable; '*' is everything."),
]
Chatflows = Annotated[
    list[str] | None,
    typer.Option("--chatflow", metavar="FLOW", help="A chatflow that the key opens, repeatable."),
]
ExpiresIn = Annotated[
    str | None, typer.Option("--expires-in", metavar="DURATION", help="90d, 12h, 30m or 2w.")
]
ExpiresAt = Annotated[
    str | None,
    typer.Option("--expires-at", metavar="TIME", help="2027-01-31 (its end, UTC) or 2027-01-31T09:00Z."),
]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="For people.")]
AllowedIps = Annotated[
    list[str] | None,
    typer.Option(
        "--allowed-ip", metavar="CIDR", help="An address or network that calls may come from, repeatable."
    ),
]

Customer = Annotated[
    str | None,
    typer.Option("--customer", metavar="CUSTOMER", help="The customer that the key belongs to."),
]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call the key.")],
    *,
    permission: Permissions = None,
    chatflow: Chatflows = None,
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
    note_text: Note = None,
    allowed_ip: AllowedIps = None,
    rate_limit: options.RateLimits = None,
    quota: options.Quotas = None,
    customer: Customer = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a key. Its token is shown this once."""
    require_output("The key")
    ends = key_input.expiry(expires_in, expires_at)
    with open_backend(workspace, create=True) as backend:
        made = backend.create_key(
            NewKey(
                name=name,
                permissions=key_input.permissions(permission or ()),
                chatflow_ids=_flow_ids(backend, chatflow or ()),
                expires_at=ends,
                note=note_text,
                allowed_ips=key_input.networks(allowed_ip or ()),
                rate_limits=read_limit_texts(rate_limit or ()),
                quotas=read_quota_texts(quota or ()),
                customer_id=None if customer is None else resolve.customer_id(backend, customer),
            )
        )
    lost = (
        f"The key {made['id']} was made, and nobody has seen it. Revoke it: flowkeys keys revoke {made['id']}"
    )
    with shown_once(lost):
        print_json(made) if as_json else say(made["apiKey"])
    if as_json:
        return
    if made["allowedIps"]:
        note(f"It may be used from {', '.join(made['allowedIps'])} only.")
    if made["customer"]:
        note(f"It belongs to {printable(made['customer']['name'])}.")
    if made["expiresAt"]:
        note(f"It expires at {moment(made['expiresAt'])}.")
    note("This is the key. It is shown this once and stored nowhere: keep it now, in a place for secrets.")
    if not made["chatFlows"] and not made["permissions"]:
        note(f"It opens nothing yet. Bind it with: flowkeys flows bind FLOW {made['id']}")


@app.command("list")
def list_keys(
    *,
    search: options.Search = "",
    status: Annotated[
        str | None,
        typer.Option(
            "--status", help="active, disabled, expired, revoked or all; all but revoked unless given."
        ),
    ] = None,
    chatflow: Annotated[
        str | None, typer.Option("--chatflow", metavar="FLOW", help="Only keys that open this chatflow.")
    ] = None,
    created_by: Annotated[
        str | None, typer.Option("--created-by", metavar="ID", help="Only what this person or key made.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="CUSTOMER", help="Only keys of this customer.")
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", help="createdAt, keyName, status, lastUsedAt…; - for descending.")
    ] = "-createdAt",
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List keys, masked, newest first; without --page the 1,000 newest."""
    wanted = KeyFilter(
        search=search, status=key_input.status(status), sort=key_input.sort(sort), created_by=created_by
    )
    with open_backend(workspace) as backend:
        if chatflow is not None:
            wanted = msgspec.structs.replace(wanted, chatflow_id=resolve.flow_id(backend, chatflow))
        if customer is not None:
            wanted = msgspec.structs.replace(wanted, customer_id=resolve.customer_id(backend, customer))
        found = backend.keys(wanted, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_page(found, "key", show_keys)


@app.command("show")
def show(key: options.Key, *, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Show one key, masked."""
    with open_backend(workspace) as backend:
        _print(resolve.key(backend, key), as_json=as_json)


@app.command("update")
def update(
    key: options.Key,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", metavar="NAME", help="The whole new set, repeatable; '' for none."),
    ] = None,
    chatflow: Annotated[
        list[str] | None,
        typer.Option("--chatflow", metavar="FLOW", help="The whole new set, repeatable; '' for none."),
    ] = None,
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="Take the expiry away.")] = False,
    note_text: Note = None,
    allowed_ip: Annotated[
        list[str] | None,
        typer.Option("--allowed-ip", metavar="CIDR", help="The whole new set, repeatable; '' for anywhere."),
    ] = None,
    rate_limit: options.NewRateLimits = None,
    quota: options.NewQuotas = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", metavar="CUSTOMER", help="The customer that it belongs to; '' for none."),
    ] = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Change what is given of a key; the rest stays."""
    ends = key_input.expiry(expires_in, expires_at)
    if never_expires and ends is not None:
        raise typer.BadParameter("Give an expiry or --never-expires, not both.")
    with open_backend(workspace) as backend:
        patch = KeyPatch(
            name=msgspec.UNSET if name is None else name,
            permissions=msgspec.UNSET if permission is None else key_input.permissions(permission),
            chatflow_ids=msgspec.UNSET if chatflow is None else _flow_ids(backend, chatflow),
            expires_at=None if never_expires else msgspec.UNSET if ends is None else ends,
            note=msgspec.UNSET if note_text is None else note_text,
            allowed_ips=msgspec.UNSET if allowed_ip is None else key_input.networks(allowed_ip),
            rate_limits=msgspec.UNSET if rate_limit is None else read_limit_texts(rate_limit),
            quotas=msgspec.UNSET if quota is None else read_quota_texts(quota),
            customer_id=msgspec.UNSET if customer is None else _customer_id(backend, customer),
        )
        if patch == KeyPatch():
            raise typer.BadParameter("Say what to change, for example --name NAME.")
        _print(backend.update_key(resolve.key_id(backend, key), patch), as_json=as_json)


@app.command("disable")
def disable(
    keys: options.Keys, *, workspace: options.Workspace = None, as_json: options.AsJson = False
) -> None:
    """Refuse keys until they are enabled again; several: all of them, or none."""
    _switch(keys, workspace, enabled=False, as_json=as_json)


@app.command("enable")
def enable(
    keys: options.Keys, *, workspace: options.Workspace = None, as_json: options.AsJson = False
) -> None:
    """Accept disabled keys again; several: all of them, or none."""
    _switch(keys, workspace, enabled=True, as_json=as_json)


@app.command("revoke")
def revoke(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY...", help="Keys: their ids, or their names.")
    ] = None,
    *,
    made_under: Annotated[
        str | None,
        typer.Option(
            "--made-under", metavar="SECRET_ID", help="Instead of KEY: every key whose lost secret this is."
        ),
    ] = None,
    yes: options.Yes = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """End keys for good; several: all of them, or none. What they opened stays closed."""
    if (not keys) == (made_under is None):
        raise typer.BadParameter("Give a KEY, or --made-under SECRET_ID.")
    if made_under is not None:
        from flowkeys.cli.server.lost_secret import give_up

        give_up(made_under, yes=yes, as_json=as_json)
        return
    assert keys
    with open_backend(workspace) as backend:
        if len(keys) > 1:
            several = [resolve.key(backend, key) for key in keys]
            confirm(key_bulk.question(several), yes=yes)
            key_bulk.change(backend, "revoke", [key["id"] for key in several], as_json=as_json)
            return
        found = resolve.key(backend, keys[0])
        if found["status"] != "revoked":
            confirm(f"Revoke {key_bulk.described(found)}. For good?", yes=yes)
        alive = backend.revoke_key(found["id"])
    if as_json:
        print_json({"raw": [], "affected": int(alive)})
    elif alive:
        say(f"Revoked {printable(found['keyName'])!r} ({found['apiKey']}).")
    else:
        say(f"{printable(found['keyName'])!r} ({found['apiKey']}) was revoked already.")


app.command("rotate")(key_rotations.rotate)
app.command("rotation")(key_rotations.rotation)
app.command("expiring")(expiring)
app.command("verify")(key_checks.verify)
app.command("explain")(key_checks.explain)


def _switch(keys: list[str], workspace: str | None, *, enabled: bool, as_json: bool) -> None:
    with open_backend(workspace) as backend:
        ids = [resolve.key_id(backend, key) for key in keys]
        if len(ids) > 1:
            key_bulk.change(backend, "enable" if enabled else "disable", ids, as_json=as_json)
        else:
            _print(backend.enable_key(ids[0], enabled=enabled), as_json=as_json)


def _flow_ids(backend: Backend, refs: "list[str] | tuple[str, ...]") -> tuple[str, ...]:
    return tuple(resolve.flow_id(backend, ref) for ref in refs if ref.strip())


def _customer_id(backend: Backend, ref: str) -> str | None:
    return resolve.customer_id(backend, ref) if ref.strip() else None


def _print(key: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(key)
    else:
        show_key(key)
