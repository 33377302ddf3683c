"""``flowkeys keys verify`` and ``explain``: is a token good, and why not."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Asked, Backend
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.keys.output import show_explanation
from flowkeys.cli.keys.token_input import read_token
from flowkeys.cli.output import print_json, say
from flowkeys.cli.streams import printable
from flowkeys.domain.keys.pasted import mistake

MayCall = Annotated[str | None, typer.Option("--chatflow", metavar="FLOW", help="May it call this chatflow?")]
MayUse = Annotated[
    str | None, typer.Option("--permission", metavar="NAME", help="Does it hold this permission?")
]
Address = Annotated[
    str | None, typer.Option("--address", metavar="IP", help="May it be used from this address?")
]


def verify(
    *,
    chatflow: MayCall = None,
    permission: MayUse = None,
    address: Address = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Say whether a token is good. It is read from FLOWKEYS_TOKEN or the input, never an argument."""
    token = read_token()
    answer = _answer(
        workspace, chatflow, lambda backend, flow: backend.verify(Asked(token, flow, permission, address))
    )
    why = None if answer["valid"] else mistake(token)
    if why is not None:
        answer = {**answer, "detail": f"{answer.get('detail') or ''} {why}".strip()}
    if as_json:
        print_json(answer)
    elif answer["valid"]:
        say(f"valid: {printable(answer['keyName'])} ({answer['id']})")
    else:
        say(f"{answer['code']}: {answer.get('detail') or 'refused'}")
    if not answer["valid"]:
        raise typer.Exit(5)


def explain(
    *,
    chatflow: MayCall = None,
    permission: MayUse = None,
    address: Address = None,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Say step by step why a token is good or refused. It is read as by verify, and counts as no use."""
    token = read_token()
    answer = _answer(
        workspace, chatflow, lambda backend, flow: backend.explain(Asked(token, flow, permission, address))
    )
    if as_json:
        print_json(answer)
    else:
        show_explanation(answer)
    if not answer["valid"]:
        raise typer.Exit(5)


def _answer(
    workspace: str | None, chatflow: str | None, ask: Callable[[Backend, str | None], dict[str, Any]]
) -> dict[str, Any]:
    with open_backend(workspace) as backend:
        return ask(backend, None if chatflow is None else resolve.flow_id(backend, chatflow))
