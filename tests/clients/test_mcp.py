"""PyPI's `mcp-flowise` 0.1.5, as an MCP host runs it."""

import json

import pytest

from tests.clients.conftest import QUESTIONS, WRONG_KEY, Client, Opened
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running

SESSION = "mcp_session.py"
LIST = ("list_chatflows", {})


@pytest.fixture(scope="module")
def reader(server: Running) -> Opened:
    """One workspace's chatflow, and a key that may list chatflows and runs this one."""
    owner = server.owner("mcp")
    opened = Opened(server, owner)
    made = bound_key(owner, {"id": opened.chatflow}, permissions=["chatflows:view"])
    opened.key = made["apiKey"]
    return opened


def env(opened: Opened, key: str, **more: str) -> dict[str, str]:
    """Return the settings that its documentation names."""
    return {"FLOWISE_API_ENDPOINT": opened.url, "FLOWISE_API_KEY": key, **more}


def test_it_lists_chatflows_and_asks_one(python_client: Client, reader: Opened) -> None:
    """Given a key that may list chatflows and is bound to one, both tools give what the API gives."""
    questions = list(QUESTIONS.values())
    asks = [("create_prediction", {"chatflow_id": reader.chatflow, "question": text}) for text in questions]
    said = python_client(SESSION, env=env(reader, reader.key), calls=[LIST, *asks])
    assert {"list_chatflows", "create_prediction"} <= set(said["tools"])
    listed, *answered = (json.loads(answer["text"]) for answer in said["answers"])
    assert {(item["id"], item["name"]) for item in listed} == {
        (reader.chatflow, "Grüße an alle"),
        (reader.other, "Not bound"),
    }
    assert [answer["text"] for answer in answered] == ["You said: " + text for text in questions]


def test_it_makes_a_tool_of_each_chatflow(python_client: Client, server: Running) -> None:
    """In its dynamic mode it finds the chatflows at start, and each tool runs its own."""
    owner = server.owner("mcp dynamic")
    chatflow = make_chatflow(owner, "Support Bot")
    key = bound_key(owner, chatflow, permissions=["chatflows:view"])["apiKey"]
    settings = {"FLOWISE_API_ENDPOINT": server.url, "FLOWISE_API_KEY": key, "FLOWISE_DYNAMIC": "true"}
    said = python_client(SESSION, env=settings, calls=[("flowise_support_bot", {"question": "Hello"})])
    assert "flowise_support_bot" in said["tools"]
    assert json.loads(said["answers"][0]["text"])["text"] == "You said: Hello"


@pytest.mark.parametrize(
    ("key", "status"),
    [
        pytest.param(WRONG_KEY, 401, id="wrong"),
        pytest.param("", 401, id="none", marks=pytest.mark.slow),
        pytest.param("bound", 403, id="unbound"),
    ],
)
def test_it_says_that_it_was_refused(
    python_client: Client, reader: Opened, opened: Opened, key: str, status: int
) -> None:
    """A wrong key, none, and one without permission or binding end in its own words with the status."""
    ask = ("create_prediction", {"chatflow_id": reader.chatflow, "question": "Hello"})
    sent = opened.key if key == "bound" else key
    said = python_client(SESSION, env=env(reader, sent), calls=[LIST, ask])
    listed, asked = (answer["text"] for answer in said["answers"])
    assert listed.startswith("Error contacting Flowise")
    assert f"'{status} " in listed
    assert asked.startswith(f"Error calling chatflow {reader.chatflow}")
    assert f"'{status} " in asked
