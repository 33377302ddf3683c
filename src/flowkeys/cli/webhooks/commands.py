"""``flowkeys webhooks``: where events are announced, and what was sent there."""

from typing import Annotated

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends.backend import Backend, Json, Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import print_json, print_page, say
from flowkeys.cli.shown_once import require_output, shown_once
from flowkeys.cli.streams import note
from flowkeys.cli.webhooks.output import show_deliveries, show_webhook, show_webhooks
from flowkeys.service.webhooks.input import GRACE_SECONDS, WebhookPatch

app = typer.Typer(no_args_is_help=True, help="Announce what becomes of keys to addresses of your own.")

Webhook = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="A webhook: its id, or its address if only one has it.")
]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="EVENT", help="What it hears of, for example key.expiring."),
]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="For people.")]


@app.command("create")
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to: https://…")],
    *,
    event: Events = None,
    note_text: Note = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a webhook. Its secret is shown this once."""
    require_output("The secret")
    patch = WebhookPatch(url=url, events=tuple(event or ()), note=note_text)
    with open_backend(workspace, create=True) as backend:
        made = backend.webhooks.create(patch)
    _show_secret(made, as_json=as_json)


@app.command("list")
def list_webhooks(*, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """List webhooks, newest first."""
    with open_backend(workspace) as backend:
        found = backend.webhooks.all()
    if as_json:
        print_json(found)
    else:
        print_page(found, "webhook", show_webhooks)


@app.command("show")
def show(webhook: Webhook, *, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Show one webhook."""
    with open_backend(workspace) as backend:
        _print(_found(backend, webhook), as_json=as_json)


@app.command("update")
def update(
    webhook: Webhook,
    *,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="The new address.")] = None,
    event: Events = None,
    note_text: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="The new note; '' for none.")
    ] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether anything is sent.")
    ] = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Change what is given of a webhook; --event, as often as you like, names all that it hears of."""
    patch = WebhookPatch(
        url=msgspec.UNSET if url is None else url,
        events=msgspec.UNSET if event is None else tuple(event),
        note=msgspec.UNSET if note_text is None else note_text or None,
        enabled=msgspec.UNSET if enable is None else enable,
    )
    if patch == WebhookPatch():
        raise typer.BadParameter("Say what to change, for example --disable.")
    with open_backend(workspace) as backend:
        _print(backend.webhooks.update(_found(backend, webhook)["id"], patch), as_json=as_json)


@app.command("delete")
def delete(webhook: Webhook, *, yes: options.Yes = False, workspace: options.Workspace = None) -> None:
    """Delete a webhook with its log. What was not delivered yet never is."""
    with open_backend(workspace) as backend:
        found = _found(backend, webhook)
        confirm(f"Delete the webhook to {found['url']}?", yes=yes)
        backend.webhooks.delete(found["id"])
    say(f"Deleted the webhook {found['id']}.", err=True)


@app.command("replace-secret")
def replace_secret(
    webhook: Webhook,
    *,
    grace_seconds: Annotated[
        int, typer.Option("--grace-seconds", min=0, help="How long the old secret signs, too.")
    ] = GRACE_SECONDS,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a webhook another secret, shown this once. Both sign until the grace is over."""
    require_output("The secret")
    with open_backend(workspace) as backend:
        made = backend.webhooks.replace_secret(_found(backend, webhook)["id"], grace_seconds)
    _show_secret(made, as_json=as_json)


@app.command("test")
def send_test(
    webhook: Webhook, *, workspace: options.Workspace = None, as_json: options.AsJson = False
) -> None:
    """Send the event webhook.test. The running server sends it: see `flowkeys webhooks deliveries`."""
    with open_backend(workspace) as backend:
        made = backend.webhooks.test(_found(backend, webhook)["id"])
    _print_queued(made, as_json=as_json)


@app.command("deliveries")
def deliveries(
    webhook: Webhook,
    *,
    status: Annotated[
        str | None, typer.Option("--status", help="pending, delivered or failed; all unless given.")
    ] = None,
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List what was sent to a webhook, newest first."""
    if status not in {None, "pending", "delivered", "failed"}:
        raise typer.BadParameter("It is pending, delivered or failed.", param_hint="--status")
    with open_backend(workspace) as backend:
        webhook_id = _found(backend, webhook)["id"]
        found = backend.webhooks.deliveries(webhook_id, status, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_page(found, "delivery", show_deliveries, "deliveries")


@app.command("resend")
def resend(
    webhook: Webhook,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The id of a delivery.")],
    *,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Send an event once more, under the same webhook-id. The running server sends it."""
    with open_backend(workspace) as backend:
        made = backend.webhooks.resend(_found(backend, webhook)["id"], delivery)
    _print_queued(made, as_json=as_json)


def _found(backend: Backend, text: str) -> Json:
    """Return the webhook of an id or an address.

    Raises:
        Refusal: several have the address.
        NotFound: there is none.
    """
    if "://" not in text:
        return backend.webhooks.get(text)
    found = [item for item in backend.webhooks.all() if item["url"] == text]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} webhooks have" if found else "No webhook has"
    advice = "Name one by its id: flowkeys webhooks list"
    raise Refusal("validation_failed" if found else "not_found", f"{what} the address {text}. {advice}")


def _print(webhook: Json, *, as_json: bool) -> None:
    print_json(webhook) if as_json else show_webhook(webhook)


def _print_queued(delivery: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(delivery)
        return
    say(delivery["id"])
    note(
        f"The running server sends {delivery['eventType']}. What became of it: flowkeys webhooks "
        f"deliveries {delivery['webhookId']}"
    )


def _show_secret(made: Json, *, as_json: bool) -> None:
    lost = f"Nobody has seen it. Make another: flowkeys webhooks replace-secret {made['id']}"
    with shown_once(lost):
        print_json(made) if as_json else say(made["secret"])
    if not as_json:
        note(
            f"This is the secret of the webhook {made['id']}. It is shown this once: receivers check with it."
        )
        note(f"Try it with: flowkeys webhooks test {made['id']}")
