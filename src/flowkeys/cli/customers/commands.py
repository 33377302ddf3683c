"""``flowkeys customers``: whom keys belong to."""

from typing import Annotated, Any

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.backends.customers import Action, CustomerFilter
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.customers.input import read_meta, read_sort, read_status
from flowkeys.cli.customers.output import show_customer, show_customers
from flowkeys.cli.output import print_json, print_page, say
from flowkeys.cli.streams import printable
from flowkeys.service.customers.input import CustomerPatch, NewCustomer
from flowkeys.service.limits import read_limit_texts, read_quota_texts

app = typer.Typer(no_args_is_help=True, help="Make, list, change and end customers, whom keys belong to.")

ExternalId = Annotated[
    str | None,
    typer.Option("--external-id", metavar="ID", help="What your own systems know the customer by."),
]
Meta = Annotated[
    str | None, typer.Option("--meta", metavar="JSON", help="A JSON object of your own, at most 4 kB.")
]
Customer = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="A customer: its id, its external id, or its name if only one has it."
    ),
]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call the customer.")],
    *,
    external_id: ExternalId = None,
    meta: Meta = None,
    rate_limit: options.RateLimits = None,
    quota: options.Quotas = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a customer. Keys are given to it with: flowkeys keys create NAME --customer CUSTOMER."""
    new = NewCustomer(
        name=name,
        external_id=external_id,
        meta=read_meta(meta),
        rate_limits=read_limit_texts(rate_limit or ()),
        quotas=read_quota_texts(quota or ()),
    )
    with open_backend(workspace, create=True) as backend:
        _print(backend.customers.create(new), as_json=as_json)


@app.command("list")
def list_customers(
    *,
    search: Annotated[
        str, typer.Option("--search", metavar="TEXT", help="A part of the name or the external id.")
    ] = "",
    status: Annotated[
        str | None,
        typer.Option("--status", help="active, disabled, revoked or all; all but revoked unless given."),
    ] = None,
    sort: Annotated[
        str, typer.Option("--sort", help="createdAt, name, externalId, status, keys…; - for descending.")
    ] = "-createdAt",
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List customers, newest first; without --page the 1,000 newest."""
    wanted = CustomerFilter(search=search, status=read_status(status), sort=read_sort(sort))
    with open_backend(workspace) as backend:
        found = backend.customers.page(wanted, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_page(found, "customer", show_customers)


@app.command("show")
def show(customer: Customer, *, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Show one customer. Its keys: flowkeys keys list --customer CUSTOMER."""
    with open_backend(workspace) as backend:
        _print(resolve.customer(backend, customer), as_json=as_json)


@app.command("update")
def update(
    customer: Customer,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", metavar="ID", help="The new external id; '' for none.")
    ] = None,
    meta: Annotated[
        str | None, typer.Option("--meta", metavar="JSON", help="The whole new object; {} for none.")
    ] = None,
    rate_limit: options.NewRateLimits = None,
    quota: options.NewQuotas = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Change what is given of a customer; the rest stays."""
    patch = CustomerPatch(
        name=msgspec.UNSET if name is None else name,
        external_id=msgspec.UNSET if external_id is None else external_id or None,
        meta=msgspec.UNSET if meta is None else read_meta(meta),
        rate_limits=msgspec.UNSET if rate_limit is None else read_limit_texts(rate_limit),
        quotas=msgspec.UNSET if quota is None else read_quota_texts(quota),
    )
    if patch == CustomerPatch():
        raise typer.BadParameter("Say what to change, for example --name NAME.")
    with open_backend(workspace) as backend:
        _print(backend.customers.update(resolve.customer_id(backend, customer), patch), as_json=as_json)


@app.command("disable")
def disable(
    customer: Customer, *, workspace: options.Workspace = None, as_json: options.AsJson = False
) -> None:
    """Refuse all keys of a customer until it is enabled again."""
    _switch("disable", customer, workspace, as_json=as_json)


@app.command("enable")
def enable(
    customer: Customer, *, workspace: options.Workspace = None, as_json: options.AsJson = False
) -> None:
    """Accept a customer's keys again, but for those that were disabled themselves."""
    _switch("enable", customer, workspace, as_json=as_json)


@app.command("revoke")
def revoke(
    customer: Customer,
    *,
    yes: options.Yes = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """End a customer and all of its keys for good."""
    with open_backend(workspace) as backend:
        found = resolve.customer(backend, customer)
        keys = found["keyCount"]
        if found["status"] != "revoked":
            with_keys = f" and its {keys} key{'' if keys == 1 else 's'}" if keys else ""
            confirm(f"Revoke {printable(found['name'])!r}{with_keys}. For good?", yes=yes)
        _print(backend.customers.change("revoke", found["id"]), as_json=as_json)


@app.command("delete")
def delete(
    customer: Customer,
    *,
    yes: options.Yes = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete a customer that has no keys but revoked ones, which belong to nobody then."""
    with open_backend(workspace) as backend:
        found = resolve.customer(backend, customer)
        confirm(f"Delete {printable(found['name'])!r}?", yes=yes)
        backend.customers.delete(found["id"])
    if as_json:
        print_json({"affected": 1})
    else:
        say(f"Deleted {printable(found['name'])!r}.")


def _switch(action: Action, customer: str, workspace: str | None, *, as_json: bool) -> None:
    with open_backend(workspace) as backend:
        changed = backend.customers.change(action, resolve.customer_id(backend, customer))
        _print(changed, as_json=as_json)


def _print(customer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(customer)
    else:
        show_customer(customer)
