"""PyPI's `flowise` 1.0.4, as it is."""

import json

import pytest

from flowkeys.flows.drafts.templates import openai_flow
from tests.clients.conftest import WRONG_KEY, Client, Opened, check_stream
from tests.support.flows import bound_key, echo, make_chatflow
from tests.support.raw_model import CHUNKED, DONE, PORT, STOP, chunk, in_a_thread, record
from tests.support.server import Api, Running

SDK = "flowise_sdk.py"


def test_it_gets_the_whole_answer(python_client: Client, opened: Opened, question: str) -> None:
    """Given the right key and no streaming, it yields the answer once, text unharmed."""
    (answer,) = python_client(
        SDK, url=opened.url, key=opened.key, chatflow=opened.chatflow, question=question, streaming=False
    )["yielded"]
    assert answer["text"] == "You said: " + question
    assert answer["question"] == question
    assert {"chatId", "chatMessageId", "sessionId", "executionId"} <= answer.keys()


def test_it_streams_the_same_text(python_client: Client, opened: Opened, question: str) -> None:
    """Given streaming, what it yields is one JSON object each and adds up to the text, `data:` included."""
    said = python_client(
        SDK, url=opened.url, key=opened.key, chatflow=opened.chatflow, question=question, streaming=True
    )
    check_stream([json.loads(event) for event in said["yielded"]], question)


def test_it_raises_when_refused(python_client: Client, opened: Opened) -> None:
    """A wrong key, none, and a key for something else raise what the client raises, in both modes."""
    refused = [
        (WRONG_KEY, opened.chatflow, "401"),
        (None, opened.chatflow, "401"),
        (opened.key, opened.other, "403"),
    ]
    for streaming in (False, True):
        for key, chatflow, status in refused:
            said = python_client(
                SDK, url=opened.url, key=key, chatflow=chatflow, question="Hello", streaming=streaming
            )
            assert said["raised"] == "HTTPError"
            assert said["message"].startswith(status)


def test_it_names_sessions(python_client: Client, opened: Opened) -> None:
    """Both of its ways to name a session are understood."""
    call = {"url": opened.url, "key": opened.key, "chatflow": opened.chatflow, "question": "Hello"}
    (by_chat,) = python_client(SDK, **call, streaming=False, chatId="chat-7")["yielded"]
    assert (by_chat["chatId"], by_chat["sessionId"]) == ("chat-7", "chat-7")
    override = {"sessionId": "session-8"}
    (by_session,) = python_client(SDK, **call, streaming=False, overrideConfig=override)["yielded"]
    assert by_session["sessionId"] == "session-8"


@pytest.fixture(scope="module")
def remembering(server: Running, owner: Api) -> dict:
    """How to call a chatflow that answers with what was said before."""
    chatflow = make_chatflow(owner, "Memory", echo("Before: {{ chat_history }}"))
    return {"url": server.url, "key": bound_key(owner, chatflow)["apiKey"], "chatflow": chatflow["id"]}


def test_its_sessions_are_remembered(python_client: Client, remembering: dict) -> None:
    """It sends an empty history with each call; that is no reason to forget what the session holds."""
    for question in ("My name is Ada", "Who am I?"):
        (answer,) = python_client(SDK, **remembering, question=question, streaming=False, chatId="chat-9")[
            "yielded"
        ]
    assert "My name is Ada" in answer["text"]


def test_the_history_that_it_sends_is_read(python_client: Client, server: Running, owner: Api) -> None:
    """In the one form that Flowise takes, with members beside it: a model is told it before the question."""
    history = [
        {"message": "", "type": "userMessage", "role": "userMessage", "content": "My name is Ada"},
        {"message": "", "type": "apiMessage", "role": "apiMessage", "content": "Hello, Ada!"},
    ]
    with in_a_thread(PORT) as model:
        model.says(CHUNKED, chunk(record("Ada.") + STOP + DONE), chunk(b""))
        chatflow = make_chatflow(owner, "History", openai_flow(model.url, "m"))
        call = {"url": server.url, "key": bound_key(owner, chatflow)["apiKey"], "chatflow": chatflow["id"]}
        said = python_client(SDK, **call, question="Who am I?", streaming=False, history=history)
        assert said["yielded"][0]["text"] == "Ada."
        told = [message["content"] for message in model.sent[-1].body["messages"]]
    assert told == ["My name is Ada", "Hello, Ada!", "Who am I?"]
