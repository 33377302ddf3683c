"""What a real Flowise answered, as it was recorded: one file a flow, which the repository does not hold."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from tests.support.flows import events
from tests.support.shared import SHARED

RECORDED = SHARED / "recorded"
STUB = RECORDED / "stub_model.py"
ADDRESS = "127.0.0.1:8901"
"""Where the flows' model and the upstream of their HTTP nodes are."""
MISSING = f"there are no recordings in {RECORDED.name}: set FLOWKEYS_SHARED"
FORMS = ("whole", "streamed")


class Exchange(msgspec.Struct, frozen=True):
    """One request of a recording in one of its forms, and what came of it."""

    number: int
    form: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    status: int
    answer: Any
    """The decoded body, or the events of the stream, or a text."""
    asked: list[dict[str, Any]]
    """What the model, or the upstream of HTTP nodes, received."""

    @property
    def name(self) -> str:
        """Tell it from the others of its recording."""
        return f"{self.form} {self.number}"


class Recording:
    """A flow with what was asked of it."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path

    @cached_property
    def whole(self) -> dict[str, Any]:
        """All of the file."""
        read: dict[str, Any] = json.loads(self._path.read_bytes())
        return read

    @property
    def kind(self) -> str:
        """What the recording is about: the first word of its name."""
        return self.name.split("-", 1)[0]

    @property
    def flow(self) -> dict[str, Any]:
        """The flow as it was saved."""
        found: dict[str, Any] = self.whole["flow"]
        return found

    @property
    def is_guarded(self) -> bool:
        """Whether Flowise looked at the addresses that nodes call: it did for few recordings."""
        return self.whole.get("http_security_check") is True and "httpAgentflow" in str(self.flow["flowData"])

    @property
    def varies(self) -> list[str]:
        """Where Flowise itself answers differently each time."""
        found: list[str] = self.whole.get("varies", [])
        return [pointer for pointer in found if pointer.startswith("/")]

    @property
    def calls(self) -> Mapping[str, Any]:
        """What was sent at the same time, instead of exchanges."""
        found: Mapping[str, Any] = self.whole.get("calls", {})
        return found

    def exchanges(self, form: str) -> Iterator[Exchange]:
        """Yield the requests of one form in their order."""
        member, body, asked = (
            ("json", "body", "model_json") if form == "whole" else ("sse", "sse_body", "model_sse")
        )
        for number, given in enumerate(self.whole.get("exchanges", [])):
            if (got := given.get(member)) is None or given["method"] != "POST":
                continue  # only predictions are about running
            yield Exchange(
                number,
                form,
                given["method"],
                given["path"],
                given["headers"],
                given.get(body),
                got["status"],
                _answer(got),
                given.get(asked) or [],
            )


def _answer(got: Mapping[str, Any]) -> Any:
    if "body" in got:
        return got["body"]
    text = got["bytes"] if "bytes" in got else got["text"]
    return events(text) if text.startswith("message:") else decoded(text)


def decoded(text: str) -> Any:
    """Return what a body says: JSON, or else a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def recordings() -> list[Recording]:
    """Return the recordings of V2 flows, by name; none where they are not at hand."""
    found = (Recording(path) for path in sorted(RECORDED.glob("*.json")))
    return [one for one in found if one.flow.get("type") == "AGENTFLOW"]
