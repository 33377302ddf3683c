"""``flowkeys ask``: a question to a chatflow, its answer on the terminal as it comes."""

import json
import sys
from typing import Annotated, Any

import typer

from flowkeys.cli import options, streams
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Backend, Json, Question
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import print_json
from flowkeys.cli.streams import note, printable
from flowkeys.client.http.environment import variable
from flowkeys.domain.errors import ConfigurationError, FlowkeysError
from flowkeys.domain.keys.pasted import cleaned
from flowkeys.domain.predictions.conversation import unfinished


def ask(
    flow: options.Flow,
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="The question; - reads it from the input.")
    ],
    *,
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Go on with a conversation.")
    ] = None,
    key_env: Annotated[
        str | None,
        typer.Option("--key-env", metavar="NAME", help="Ask with the key in this environment variable."),
    ] = None,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Print the answer when it is whole.")
    ] = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Ask a chatflow. Over HTTP with FLOWKEYS_API_KEY; on this machine as its operator, without a key."""
    token = _token(key_env)
    text = _piped() if question == "-" else question
    with open_backend(workspace) as backend:
        asked = Question(chatflow_id=_flow_id(backend, flow), text=text, session_id=session, token=token)
        if as_json:
            print_json(backend.predict(asked))
        elif no_stream:
            _print_answer(backend.predict(asked))
        else:
            _stream(backend, asked)


def _piped() -> str:
    text = streams.decoded(streams.read_input())
    if text is None:
        raise Refusal(
            "validation_failed", "The input is no text in UTF-8. Convert it, with iconv for example."
        )
    return text.strip()


def _stream(backend: Backend, asked: Question) -> None:
    from flowkeys.cli.predictions.answer import Answer

    kept: dict[str, Any] = {}
    pieces: list[str] = []
    with Answer() as answer:

        def emit(name: str, data: Any) -> None:
            if name == "token":
                pieces.append(data)
                answer.say(data)
            else:
                kept[name] = data

        backend.stream(asked, emit)
    metadata = kept.get("metadata") or {}
    _print_unfinished(metadata.get("finishReason"))
    _print_sources(kept.get("sourceDocuments") or [], "".join(pieces))
    _print_session(metadata.get("sessionId"))


def _print_answer(answer: Json) -> None:
    from flowkeys.cli.predictions.answer import print_answer

    text = answer["text"] if isinstance(answer["text"], str) else json.dumps(answer["text"])
    print_answer(text)
    _print_unfinished(answer.get("finishReason"))
    _print_sources(answer.get("sourceDocuments") or [], text)
    _print_session(answer.get("sessionId"))


def _print_unfinished(finish_reason: str | None) -> None:
    words = unfinished(finish_reason)
    if words is not None:
        note(f"\n{printable(words)}")


def _print_sources(documents: list[Json], answer: str) -> None:
    """Print what the answer rests on, unless whoever reads this has just read it at the answer's end."""
    sources = [str((item.get("metadata") or {}).get("source", "?")) for item in documents]
    if sys.stdout.isatty() and sys.stderr.isatty() and all(f"`{source}`" in answer for source in sources):
        return
    if sources:
        note("\nSources:")
    for number, source in enumerate(sources, 1):
        note(f"  [{number}] {printable(source)}")


def _print_session(session_id: str | None) -> None:
    if session_id is not None and sys.stderr.isatty():
        note(f"\nGo on with: --session {session_id}")


def _flow_id(backend: Backend, flow: str) -> str:
    """Return the id; an id is taken as it is, since a key that may ask need not be allowed to look."""
    try:
        return resolve.flow_id(backend, flow)
    except FlowkeysError as error:
        if getattr(error, "code", None) == "permission_missing":
            detail = "This key may not list chatflows, so give the chatflow's id instead of its name."
            raise Refusal("permission_missing", detail) from error
        raise


def _token(key_env: str | None) -> str | None:
    if key_env is None:
        return None
    token = cleaned(variable(key_env) or "")
    if not token:
        raise ConfigurationError(f"The environment variable {key_env} holds no key.")
    return token
