"""LangChain Runnables and LangGraph graphs, over HTTP: the real packages with models that are made up."""

import traceback
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from flowkeys.flows.drafts.templates import python_flow
from tests.flows.objects.test_graphs import welcome
from tests.support.flows import bound_key, events, make_chatflow
from tests.support.server import Api, Running

MODULE = "tests.flows.chains"
GRAPHS = "tests.flows.objects.spoken_graphs"
SPOKEN = ("asking", "new_message", "parallel", "nested_rewritten", "functional")
NAMES = ("chat_model", "prompted", "graph", "uncompiled", "remembering", "failing")


@pytest.fixture(scope="module")
def owner(serve: Callable[..., Running]) -> Api:
    """The owner of a server that may run these objects."""
    targets = (*(f"{MODULE}:{name}" for name in NAMES), *(f"{GRAPHS}:{name}" for name in SPOKEN))
    return serve(python_flows=targets).owner()


class Caller:
    """Asks one object, with a key for it."""

    def __init__(self, owner: Api, name: str, module: str = MODULE) -> None:
        self.api = owner
        self.chatflow = make_chatflow(owner, name, python_flow(f"{module}:{name}"))
        self.path = f"/prediction/{self.chatflow['id']}"
        self.change_key()

    def change_key(self) -> None:
        """Go on with another key of the same chatflow."""
        self.headers = {"Authorization": f"Bearer {bound_key(self.api, self.chatflow)['apiKey']}"}

    def ask(self, question: str, **body: object):
        """Ask, and return the response."""
        return self.api.post(self.path, json={"question": question, **body}, headers=self.headers)

    def stream(self, question: str) -> list[str]:
        """Return the tokens of a stream that ended well."""
        found = events(self.ask(question, streaming=True).text)
        assert found[-1]["event"] == "end"
        assert all(event["event"] != "error" for event in found)
        return [event["data"] for event in found if event["event"] == "token"]


def test_a_langchain_model_streams(owner: Api) -> None:
    """A chat model's pieces are the stream's tokens, and together they are the whole answer."""
    caller = Caller(owner, "chat_model")
    assert caller.ask("Hello").json()["text"] == "hello from a model"
    tokens = caller.stream("Hello")
    assert len(tokens) > 1
    assert "".join(tokens) == "hello from a model"


def test_a_langchain_runnable_gets_the_history_of_its_session(owner: Api) -> None:
    """A prompt with a place for history is given what was said in this session, and nothing of others."""
    caller = Caller(owner, "prompted")
    first = caller.ask("one", sessionId="s").json()["text"]
    assert first == "system: s | human: one"
    second = caller.ask("two", sessionId="s").json()["text"]
    assert second == f"system: s | human: one | ai: {first} | human: two"
    assert caller.ask("three", sessionId="other").json()["text"] == "system: s | human: three"


def test_a_langgraph_graph_streams_what_is_for_the_reader(owner: Api) -> None:
    """A graph's model is streamed; a model tagged as hidden is not heard."""
    caller = Caller(owner, "graph")
    assert "".join(caller.stream("Hello")) == "streamed by a graph"
    assert caller.ask("Hello").json()["text"] == "streamed by a graph"


@pytest.mark.parametrize("name", ["uncompiled", "remembering"])
def test_a_langgraph_graph_remembers_through_its_session(owner: Api, name: str) -> None:
    """A graph sees its session's messages; a checkpointer of its own shows them to no other key."""
    caller = Caller(owner, name)
    assert caller.ask("one", sessionId="s").json()["text"] == "human: one"
    assert caller.ask("two", sessionId="s").json()["text"] == "human: one | ai: human: one | human: two"
    caller.change_key()
    assert caller.ask("mine", sessionId="s").json()["text"] == "human: mine"


def test_an_object_that_fails_is_an_upstream_failure(owner: Api) -> None:
    """What it raised is named by its type; its text and its place are in the log, by request id."""
    caller = Caller(owner, "failing")
    with capture_logs() as lines:
        answer = caller.ask("Hello")
        streamed = caller.ask("Hello", streaming=True)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_failed")
    assert "ZeroDivisionError" in answer.json()["message"]
    assert "division by zero" not in answer.text + streamed.text
    failures = {line["request_id"]: line for line in lines if line["event"] == "upstream failed"}
    for one in (answer, streamed):
        raised = failures[one.headers["X-Request-Id"]]["exc_info"]
        assert "chains.py" in "".join(traceback.format_exception(raised))
        assert str(raised) == "division by zero"


def test_a_graph_that_waits_says_so_and_the_log_what_it_asks(owner: Api) -> None:
    """The caller gets neither the question back nor what was asked of a person; nothing is stored."""
    caller = Caller(owner, "asking", GRAPHS)
    with capture_logs() as lines:
        answer = caller.ask("Hello")
        found = events(caller.ask("Hello", streaming=True).text)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_failed")
    assert [event["event"] for event in found][-2:] == ["error", "end"]
    for text in (answer.json()["message"], found[-2]["data"]):
        assert "the graph waits for a person, which this server cannot" in text
        assert "approve" not in text
    reasons = [line["reason"] for line in lines if line["event"] == "upstream failed"]
    assert reasons == ["It asks: 'approve?'"] * 2
    assert owner.get(f"/chatflows/{caller.chatflow['id']}/messages").json()["total"] == 0


@pytest.mark.parametrize("name", ["new_message", "parallel", "nested_rewritten", "functional"])
def test_a_graph_says_the_same_streamed_and_whole(owner: Api, name: str) -> None:
    """The tokens put together are the text, and each thing is in it once."""
    caller = Caller(owner, name, GRAPHS)
    assert caller.ask("hi there").json()["text"] in welcome(name)
    tokens = caller.stream("hi there")
    assert len(tokens) > 3
    assert "".join(tokens) in welcome(name)
