"""The clients that other people wrote, run as they are; and a chatflow for them to call."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
NODE_MODULES = ROOT / "build" / "clients" / "node" / "node_modules"

WRONG_KEY = "fl-" + "0" * 32

QUESTIONS = {
    "plain": "Hello",
    "sse": 'data: {"event":"end","data":"[DONE]"} data:data: \\data: metadata: end',
    "unicode": "Grüße, 你好, שלום 🔑 é\u2028next\u2029paragraph\u0085x",
    "lines": 'one\n\ntwo\r\nmessage:\ndata:"three"\\n\t</p>{{ nothing }}',
}

Client = Callable[..., Any]
"""Runs a program with its arguments; returns what it printed as JSON."""


class Opened:
    """A chatflow, and the key that opens it."""

    def __init__(self, server: Running, owner: Api) -> None:
        self.url = server.url
        self.chatflow = make_chatflow(owner, "Grüße an alle")["id"]
        self.other = make_chatflow(owner, "Not bound")["id"]
        self.key = bound_key(owner, {"id": self.chatflow})["apiKey"]


@pytest.fixture(scope="session")
def opened(server: Running, owner: Api) -> Opened:
    """A chatflow that repeats the question, and its key."""
    return Opened(server, owner)


@pytest.fixture(params=list(QUESTIONS))
def question(request: pytest.FixtureRequest) -> str:
    """Questions that are hard on streams, one after the other."""
    return QUESTIONS[request.param]


@pytest.fixture(scope="session")
def python_client() -> Client:
    """Run a program with the Python that has the Flowise clients."""
    if not PYTHON.exists():
        pytest.skip("the Python clients of Flowise are not installed: make clients")
    return lambda program, **arguments: run_program([str(PYTHON), str(PROGRAMS / program)], arguments)


@pytest.fixture(scope="session")
def node_client() -> Client:
    """Run a program with node, which finds the Flowise clients."""
    if not (NODE_MODULES / "flowise-sdk").exists():
        pytest.skip("the Node client of Flowise is not installed: make clients")
    return lambda program, **arguments: run_program(["node", str(PROGRAMS / program)], arguments)


def run_program(command: list[str], arguments: dict[str, Any]) -> Any:
    """Run a program that reads JSON and prints JSON; no proxy and no setting of ours reaches it."""
    clean = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    result = subprocess.run(
        command,
        input=json.dumps(arguments),
        env={**clean, "NODE_PATH": str(NODE_MODULES), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def check_stream(events: list[dict], question: str) -> None:
    """Check that the events of a stream carry the whole answer, in the order of the contract."""
    names = [event["event"] for event in events]
    text = "".join(event["data"] for event in events if event["event"] == "token")
    metadata = next(event["data"] for event in events if event["event"] == "metadata")
    assert text == "You said: " + question
    assert metadata["question"] == question
    assert "error" not in names
    assert names[-2:] == ["metadata", "end"]
    assert events[-1]["data"] == "[DONE]"
