"""A real language model, end to end: over HTTP to us, and from us over HTTP to it."""

import json
import time
from typing import Any

import pytest

from flowkeys.flows.drafts.templates import ModelSettings, documents_flow, openai_flow
from tests.durability.process import Served
from tests.models.conftest import MODEL_KEY
from tests.models.tap import Tap
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api

pytestmark = pytest.mark.slow

NAME = "SmolLM2-135M-Instruct"
DOCUMENT = """# Office hours

## Opening times

The Reykjavík office opens at half past nine and closes at a quarter to six.
"""


class Chat:
    """A chatflow with a key bound to it, and the client that holds the key."""

    def __init__(self, served: Served, owner: Api, flow_data: str) -> None:
        self._served = served
        self._chatflow = make_chatflow(owner, "Chat", flow_data)
        self._owner = owner
        self.api = self.another()
        self.path = f"/prediction/{self._chatflow['id']}"

    def another(self) -> Api:
        """Return a client with another key of the chatflow."""
        return self._served.api(bound_key(self._owner, self._chatflow)["apiKey"])

    def ask(self, question: str, session: str, api: Api | None = None) -> Any:
        """Ask, and return the response."""
        return (api or self.api).post(self.path, json={"question": question, "sessionId": session})


@pytest.fixture
def chat(served: Served) -> Chat:
    """A chat with the model, whose key the server knows."""
    return Chat(served, served.owner(), openai_flow("", NAME, "smollm", "You are brief."))


def test_words_arrive_while_the_model_still_speaks(served: Served, chat: Chat, tap: Tap) -> None:
    """Tokens are sent as they are made, add up to what is stored, and the key goes to the model alone."""
    came: list[tuple[float, dict]] = []
    body = {"question": "Tell me about the sea.", "streaming": True}
    with chat.api.stream("POST", chat.path, json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                came.append((time.monotonic(), json.loads(line.removeprefix("data:"))))
    tokens = [(at, event["data"]) for at, event in came if event["event"] == "token"]
    assert len(tokens) >= 10
    spoke = tokens[-1][0] - tokens[0][0]
    assert spoke > 0.1, "all tokens came at once"
    assert [event["event"] for _, event in came][-2:] == ["metadata", "end"]
    text = "".join(token for _, token in tokens)
    assert served.rows("SELECT content FROM message WHERE role = 'apiMessage'") == [(text,)]
    (request,) = tap.requests()
    assert request["headers"]["authorization"] == f"Bearer {MODEL_KEY}"
    assert request["model"] == NAME
    assert request["messages"] == [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "Tell me about the sea."},
    ]
    assert MODEL_KEY not in json.dumps([event for _, event in came])
    assert MODEL_KEY not in served.said()


def test_a_session_is_remembered_by_its_key_alone(chat: Chat, tap: Tap) -> None:
    """The second question of a session brings the first turn along; another key's session does not."""
    first = chat.ask("My name is Ada.", "s").json()["text"]
    assert first
    assert chat.ask("What is my name?", "s").json()["text"]
    chat.ask("What is my name?", "another session")
    chat.ask("What is my name?", "s", chat.another())
    asked = [
        [(item["role"], item["content"]) for item in request["messages"][1:]] for request in tap.requests()
    ]
    alone = [("user", "What is my name?")]
    assert asked == [
        [("user", "My name is Ada.")],
        [("user", "My name is Ada."), ("assistant", first), *alone],
        alone,
        alone,
    ]


def test_documents_reach_the_model(served: Served, tap: Tap) -> None:
    """A question about a document is asked together with its passage, and the passage is named as source."""
    owner = served.owner()
    store = owner.post("/document-stores", json={"name": "Handbook"}).json()["id"]
    files = {"files": ("office.md", DOCUMENT, "text/markdown")}
    assert owner.post(f"/document-stores/{store}/documents", files=files).status_code == 200
    chat = Chat(served, owner, documents_flow(store, model=ModelSettings(tap.url, NAME, "smollm")))
    answer = chat.ask("When does the Reykjavík office open?", "s").json()
    assert answer["text"]
    assert [item["metadata"]["source"] for item in answer["sourceDocuments"]] == ["office.md"]
    (request,) = tap.requests()
    assert "half past nine" in json.dumps(request["messages"], ensure_ascii=False)


def test_a_refused_credential_is_an_upstream_failure(served: Served) -> None:
    """The model refuses the key: 502 with the node's name, and the key is in no answer and no log."""
    chat = Chat(served, served.owner(), openai_flow("", NAME, "wrong"))
    answer = chat.ask("Hello", "s")
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_failed")
    assert "credential" in answer.json()["message"]
    assert "sk-wrong" not in answer.text + served.said()
    assert served.rows("SELECT count(*) FROM message") == [(0,)]


def test_a_client_that_leaves_stops_the_model(chat: Chat, served: Served) -> None:
    """After the first word the client goes: nothing is stored, and the next question is answered."""
    body = {"question": "Count to one hundred.", "streaming": True}
    with chat.api.stream("POST", chat.path, json=body) as answer:
        next(line for line in answer.iter_lines() if '"token"' in line)
    assert chat.ask("Hello", "s").json()["text"]
    assert served.rows("SELECT count(*) FROM message") == [(2,)]
