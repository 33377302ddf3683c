"""Exports that people have published, imported into a server of ours as their owners would."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.flowise.stub import Stub
from tests.pages.chatflows.new_chatflow import Browser, text
from tests.support.flows import events, make_key
from tests.support.people import person
from tests.support.server import Api, Running
from tests.support.shared import SHARED

EXPORTS = SHARED / "exports"
MISSING = f"there are no exports in {EXPORTS.name}: set FLOWKEYS_SHARED"
CREDENTIAL = "scripted"


class Ran(msgspec.Struct, frozen=True):
    """What came of a call."""

    status: int
    answer: Any
    """The decoded body, or the events of the stream."""

    @property
    def text(self) -> str:
        """What was answered, or waits for a person."""
        if isinstance(self.answer, dict):
            return str(self.answer.get("text"))
        return "".join(str(event["data"]) for event in self.answer if event["event"] == "token")

    @property
    def problem(self) -> str:
        """What went wrong, if something did."""
        if isinstance(self.answer, list):
            return "".join(str(event["data"]) for event in self.answer if event["event"] == "error")
        return "" if self.status < 400 else str(self.answer.get("detail"))


class Imports:
    """A server whose people import exports over its page, with a scripted model for all of them."""

    def __init__(self, server: Running) -> None:
        self.owner: Api = server.owner()
        self._caller: Api = server.api()
        self._pages = Browser(server, person(server, "member"))

    def add(self, path: Path) -> httpx.Response:
        """Import a file, and name the one credential for all its models; return where that leads."""
        return self._pages.make("export", [(path.name, path.read_bytes())], credential=CREDENTIAL)

    def found(self, added: httpx.Response) -> dict[str, Any]:
        """Return a chatflow that was added, as the API has it."""
        path = added.headers["location"].partition("?")[0]
        found: dict[str, Any] = self.owner.get(path).json()
        return found

    def page(self, chatflow: Mapping[str, Any]) -> tuple[bool, str]:
        """Return whether a chatflow is drawn on its page, and the words of the page."""
        page = self._pages.get(f"/chatflows/{chatflow['id']}")
        return "<svg class" in page.text.partition('id="graph-title"')[2], text(page)

    def approved(self, chatflow: Mapping[str, Any]) -> dict[str, Any]:
        """Approve the code of a chatflow, as somebody who has read it does; return the chatflow."""
        self.owner.post(f"/chatflows/{chatflow['id']}/code/approve", json={}).raise_for_status()
        found: dict[str, Any] = self.owner.get(f"/chatflows/{chatflow['id']}").json()
        return found

    def ask(self, chatflow: Mapping[str, Any]) -> Iterator[Ran]:
        """Ask a chatflow, whole and streamed."""
        key = make_key(self.owner, "exports", chatflowIds=[chatflow["id"]])["apiKey"]
        headers = {"authorization": f"Bearer {key}"}
        path = f"/prediction/{chatflow['id']}"
        asked = question(chatflow["flowData"])
        for more in ({}, {"streaming": True}):
            response = self._caller.post(path, json={**asked, **more}, headers=headers)
            is_stream = response.headers["content-type"].startswith("text/event-stream")
            yield Ran(response.status_code, events(response.text) if is_stream else response.json())


def question(flow_data: str) -> dict[str, Any]:
    """Return what a flow is asked: a question, or the form that it begins with."""
    starts = (node["inputs"] for node in nodes_of(flow_data) if node["name"] == "startAgentflow")
    start = next(starts, {})
    if start.get("startInputType") != "formInput":
        return {"question": "Hello"}
    return {"form": {field["name"]: "a text" for field in start.get("formInputTypes") or ()}}


def nodes_of(flow_data: str) -> list[dict[str, Any]]:
    """Return the data of the nodes of a flow, but for notes."""
    nodes = [node["data"] for node in json.loads(flow_data)["nodes"]]
    return [node for node in nodes if not node["name"].startswith("stickyNote")]


def exports() -> list[Path]:
    """Return the files, sorted; none where there is no such folder."""
    return sorted(EXPORTS.glob("*.json"))


def importing(serve: Any, stub: Stub) -> Imports:
    """Return a server that may call the scripted model, and runs code that was approved."""
    base_url = f"http://{stub.address}/v1"
    server = serve(credentials={CREDENTIAL: {"base_url": base_url, "api_key": "sk-none"}}, code_nodes=True)
    return Imports(server)
