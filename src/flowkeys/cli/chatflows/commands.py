"""``flowkeys flows``: what keys open."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Backend, Json, Part
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.chatflows.approving import approve
from flowkeys.cli.chatflows.output import access, next_steps, public_warning, show_flow, show_flows
from flowkeys.cli.chatflows.sources import (
    Source,
    advice,
    named_credentials,
    patch_of,
    require_allowed,
    tools_of,
)
from flowkeys.cli.confirmation import confirm
from flowkeys.cli.documents.folder import collection_of, import_documents, new_collection
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import print_json, print_page, say
from flowkeys.cli.streams import note, printable
from flowkeys.service.chatflows.credentials import EVERY
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.limits import read_limit_texts

app = typer.Typer(no_args_is_help=True, help="Add, list, bind and remove chatflows.")
app.command("approve")(approve)

Docs = Annotated[
    Path | None, typer.Option("--docs", metavar="FOLDER", help="Answer from the documents in this folder.")
]
Credential = Annotated[
    list[str] | None,
    typer.Option(
        "--credential",
        metavar="[NODE=]NAME",
        help="The model's key, by its name in config.toml; of an import, for one node or all. Repeatable.",
    ),
]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call the chatflow.")],
    *,
    docs: Docs = None,
    openai: Annotated[
        str | None,
        typer.Option("--openai", metavar="BASE_URL", help="A model behind an OpenAI-compatible address."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="M", help="The model's name.")] = None,
    credential: Credential = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python", metavar="MODULE:ATTRIBUTE", help="A Python object that the operator listed."
        ),
    ] = None,
    imported: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="A chatflow exported from Flowise.")
    ] = None,
    reply: Annotated[str | None, typer.Option("--reply", metavar="TEXT", help="Always this text.")] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="KEY", help="A key to bind at once, repeatable.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Let anyone call it, without a key.")] = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Make a chatflow. It is closed until a key is bound to it, unless it is public.

    --docs with --openai makes a chatflow whose model answers from the documents.
    """
    source = Source(
        docs=docs,
        openai=openai,
        model=model,
        credentials=tuple(credential or ()),
        python=python,
        imported=imported,
        reply=reply,
    )
    source.check()
    if public and key:
        raise typer.BadParameter("A chatflow is public or has keys: give --public or --key, not both.")
    with open_backend(workspace, create=True) as backend:
        require_allowed(backend, source)
        key_ids = tuple(resolve.key_id(backend, ref) for ref in key or ())
        made = _made(backend, source, name, key_ids, public=public, quiet=as_json)
        for line in advice(made, source):
            note(line)
        if public:
            note(public_warning(made))
        if as_json:
            print_json(made)
        else:
            say(f"{printable(made['name'])}  {made['id']}")
            note(next_steps(made, backend.address))


def _made(
    backend: Backend, source: Source, name: str, key_ids: tuple[str, ...], *, public: bool, quiet: bool
) -> Json:
    def make(collection_id: str | None) -> Json:
        patch = patch_of(source, name, collection_id)
        if tools := tools_of(source, patch):
            backend.import_tools(tools)
        return backend.create_chatflow(
            msgspec.structs.replace(patch, is_public=public, key_ids=key_ids or msgspec.UNSET)
        )

    if source.docs is None:
        return make(None)
    there = resolve.flows_named(backend, name)
    if there:
        raise Refusal(
            "validation_failed",
            f"There is a chatflow named {name!r} already. To import the folder again: "
            f"flowkeys flows update {there[0]['id']} --docs {source.docs}",
        )
    with new_collection(backend, name) as collection_id:
        import_documents(backend, collection_id, source.docs, quiet=quiet)
        return make(collection_id)


@app.command("list")
def list_flows(
    *,
    search: options.Search = "",
    page: options.PageNumber = None,
    limit: options.PageLimit = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """List chatflows, newest first; without --page the 1,000 newest."""
    with open_backend(workspace) as backend:
        found = backend.chatflows(search, Part(page=page, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_page(found, "chatflow", show_flows)


@app.command("show")
def show(flow: options.Flow, *, workspace: options.Workspace = None, as_json: options.AsJson = False) -> None:
    """Show one chatflow: who may call it, and whether it can run."""
    with open_backend(workspace) as backend:
        _print(resolve.flow(backend, flow), as_json=as_json)


@app.command("update")
def update(
    flow: options.Flow,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    docs: Docs = None,
    credential: Credential = None,
    public: Annotated[
        bool | None, typer.Option("--public/--closed", help="Let anyone call it, or end that.")
    ] = None,
    rate_limit: options.NewRateLimits = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Change a chatflow, or import its folder of documents again: what has not changed is skipped."""
    if name is None and docs is None and public is None and rate_limit is None and not credential:
        choice = (
            "--name NAME, --docs FOLDER, --credential [NODE=]NAME, --rate-limit LIMIT, --public or --closed"
        )
        raise typer.BadParameter(f"Say what to change: {choice}.")
    names = named_credentials(credential or ())
    limits = msgspec.UNSET if rate_limit is None else read_limit_texts(rate_limit)
    with open_backend(workspace) as backend:
        found = resolve.flow(backend, flow)
        if docs is not None:
            import_documents(backend, collection_of(backend, found), docs, quiet=as_json)
        if name is not None or public is not None or rate_limit is not None or names:
            patch = ChatflowPatch(
                credentials=_renamed(found["credentials"], names) if names else msgspec.UNSET,
                name=msgspec.UNSET if name is None else name,
                is_public=msgspec.UNSET if public is None else public,
                rate_limits=limits,
            )
            found = backend.update_chatflow(found["id"], patch)
        if public:
            note(public_warning(found))
        _print(found, as_json=as_json)


def _renamed(present: dict[str, str], names: dict[str, str | None]) -> dict[str, str | None]:
    """Return the whole naming after some: one for all ends those of single nodes."""
    return names if EVERY in names else {**present, **names}


@app.command("bind")
def bind(
    flow: options.Flow,
    key: options.Key,
    *,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Let a key open a chatflow, beside the keys that do. A public chatflow is public no longer."""
    with open_backend(workspace) as backend:
        found, key_id = resolve.flow(backend, flow), resolve.key_id(backend, key)
        _print(backend.bind(found["id"], key_id), as_json=as_json)


@app.command("unbind")
def unbind(
    flow: options.Flow,
    key: options.Key,
    *,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Take a chatflow away from a key. Without keys it is closed, not open."""
    with open_backend(workspace) as backend:
        found, key_id = resolve.flow(backend, flow), resolve.key_id(backend, key)
        if key_id not in found["apiKeyIds"]:
            note("That key was not bound to it; nothing was changed.")
        _print(backend.unbind(found["id"], key_id), as_json=as_json)


@app.command("remove")
def remove(
    flow: options.Flow,
    *,
    yes: options.Yes = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete a chatflow with its conversations. Its keys and its documents stay."""
    with open_backend(workspace) as backend:
        found = resolve.flow(backend, flow)
        confirm(
            f"Delete {printable(found['name'])!r} ({found['id']}) with its conversations? "
            f"Who may call it now: {access(found)}.",
            yes=yes,
        )
        backend.delete_chatflow(found["id"])
    if as_json:
        print_json({"raw": [], "affected": 1})
    else:
        say(f"Deleted {printable(found['name'])!r} ({found['id']}).")


@app.command("export")
def export(
    flow: options.Flow,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A file; standard output otherwise.")
    ] = None,
    workspace: options.Workspace = None,
) -> None:
    """Write a chatflow's flowData, byte for byte as it was given: Flowise can import it."""
    with open_backend(workspace) as backend:
        content = resolve.flow(backend, flow)["flowData"].encode()
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Refusal("validation_failed", f"{output} cannot be written: {error.strerror}") from None


def _print(flow: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(flow)
    else:
        show_flow(flow)
