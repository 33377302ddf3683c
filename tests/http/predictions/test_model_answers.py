"""What a caller, the operator's log and the conversation get of a model's answer, cut off or failed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

import flowkeys
from flowkeys.flows.drafts.templates import openai_flow
from tests.support.flows import bound_key, events, make_chatflow
from tests.support.people import person
from tests.support.raw_model import CHUNKED, DONE, PORT, STOP, RawModel, chunk, in_a_thread, record, whole
from tests.support.server import Api, Running

CUT = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n'
WORDS = "The answer is cut off"


@pytest.fixture
def raw() -> Iterator[RawModel]:
    """A model that every server may call."""
    with in_a_thread(PORT) as model:
        yield model


@pytest.fixture
def chat(raw: RawModel, owner: Api) -> dict[str, Any]:
    """A chatflow of the model, with memory."""
    return make_chatflow(owner, "Model", openai_flow(raw.url, "m"))


@pytest.fixture
def api(server: Running, owner: Api, chat: dict[str, Any]) -> Api:
    """A client whose key opens it."""
    return server.api(bound_key(owner, chat, permissions=["executions:view"])["apiKey"])


def answers(*pieces: bytes) -> tuple[bytes, ...]:
    """Return the steps of a stream."""
    return (CHUNKED, chunk(b"".join(pieces) + DONE), chunk(b""))


def messages(owner: Api, chat: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is stored of the chatflow's conversations."""
    found: list[dict[str, Any]] = owner.get(f"/chatflows/{chat['id']}/messages").json()["data"]
    return found


@pytest.mark.of_one_process("lines of one process's log are looked at")
def test_a_failure_reaches_the_caller_in_short_and_the_log_in_full(
    raw: RawModel, api: Api, owner: Api, chat: dict[str, Any]
) -> None:
    """502 with when to try again; the log has the words of the server by request id; nothing is stored."""
    raw.says(whole(b'{"error":{"message":"Slow down, Ada."}}', b"Retry-After: 7", status=b"429 Too Many"))
    with capture_logs() as lines:
        plain = api.post(f"/prediction/{chat['id']}", json={"question": "Hi"})
        streamed = api.post(f"/prediction/{chat['id']}", json={"question": "Hi", "streaming": True})
    assert (plain.status_code, plain.json()["code"]) == (502, "upstream_failed")
    assert plain.headers["Retry-After"] == "7"
    sentence = "answered 429. It limits calls at present. Try again in 7 seconds."
    assert plain.json()["message"].endswith(sentence)
    *_, error, end = events(streamed.text)
    assert (error["event"], end["event"]) == ("error", "end")
    assert error["data"].endswith(sentence)
    assert error["retryAfterSeconds"] == 7
    assert "Ada" not in plain.text + streamed.text
    ids = [plain.headers["X-Request-Id"], streamed.headers["X-Request-Id"]]
    failures = [line for line in lines if line["event"] == "upstream failed"]
    assert [(line["request_id"], line["reason"]) for line in failures] == [
        (i, "Slow down, Ada.") for i in ids
    ]
    assert messages(owner, chat) == []


def test_half_an_answer_is_not_stored(raw: RawModel, api: Api, owner: Api, chat: dict[str, Any]) -> None:
    """A stream that breaks is an error after its pieces, and no memory of the next question."""
    raw.says(CHUNKED, chunk(record("The first half")), chunk(b""))
    streamed = events(api.post(f"/prediction/{chat['id']}", json={"question": "Hi", "streaming": True}).text)
    assert [e["event"] for e in streamed][-2:] == ["error", "end"]
    assert "broke off" in streamed[-2]["data"]
    assert messages(owner, chat) == []


def test_an_answer_that_was_cut_off_says_so_everywhere(
    server: Running, raw: RawModel, api: Api, owner: Api, chat: dict[str, Any]
) -> None:
    """In the answer, the stream, the SDK, the stored message, and on the pages in words."""
    raw.script = lambda sent: answers(record("Half of"), CUT)
    path = f"/prediction/{chat['id']}"
    plain = api.post(path, json={"question": "Hi"}).json()
    assert (plain["text"], plain["finishReason"]) == ("Half of", "length")
    output = plain["agentFlowExecutedData"][-1]["data"]["output"]
    assert output["responseMetadata"]["finish_reason"] == "length"
    streamed = events(api.post(path, json={"question": "Hi", "streaming": True}).text)
    assert [e["data"]["finishReason"] for e in streamed if e["event"] == "metadata"] == ["length"]
    with flowkeys.Client(server.url, api.token) as sdk:
        assert sdk.predict(chat["id"], "Hi").finish_reason == "length"
    kept = [m for m in messages(owner, chat) if m["role"] == "apiMessage"]
    assert [m["finishReason"] for m in kept] == ["length"] * 3
    assert all("finishReason" not in m for m in messages(owner, chat) if m["role"] == "userMessage")
    who = person(server, "member", name="Mia")
    browser = server.api(None, **who.headers)
    listed = browser.get(f"{server.url}/chatflows/{chat['id']}/conversations").text
    at = listed.index("/conversations/") + len("/conversations/")
    page = browser.get(
        f"{server.url}/chatflows/{chat['id']}/conversations/{listed[at:].partition(chr(34))[0]}"
    )
    assert WORDS in page.text.partition("data-unfinished")[2].partition("</p>")[0].partition(">")[2]


def test_of_an_answer_that_came_to_its_end_nothing_is_said(
    raw: RawModel, api: Api, chat: dict[str, Any]
) -> None:
    """The members of the answer are Flowise's; how the model ended stands with what the node did."""
    raw.says(*answers(record("All of it."), STOP))
    answer = api.post(f"/prediction/{chat['id']}", json={"question": "Hi"}).json()
    assert "finishReason" not in answer
    output = answer["agentFlowExecutedData"][-1]["data"]["output"]
    assert output["responseMetadata"]["finish_reason"] == "stop"


def test_what_was_thought_is_never_given_to_the_model_again(
    raw: RawModel, server: Running, owner: Api
) -> None:
    """It is shown to the caller and stored as shown; the next question comes with the answer alone."""
    flow = json.loads(openai_flow(raw.url, "m"))
    flow["nodes"][1]["data"]["inputs"]["llmReasoning"] = "shown"
    chat = make_chatflow(owner, "Thinks", json.dumps(flow))
    api = server.api(bound_key(owner, chat)["apiKey"])
    raw.script = lambda sent: answers(record("<think>Hm."), record("</think>\n\nForty-two."), STOP)
    body = {"question": "Why?", "sessionId": "s"}
    first = api.post(f"/prediction/{chat['id']}", json=body).json()
    assert first["text"] == "<think>\nHm.\n</think>\n\nForty-two."
    sent = [
        {"role": "userMessage", "content": "Why?"},
        {"role": "apiMessage", "content": "<THINK>I guess</THINK>Forty-two."},
    ]
    for more in ({}, {"history": sent}):
        api.post(f"/prediction/{chat['id']}", json={"question": "And?", "sessionId": "s", **more})
        assert [m["content"] for m in raw.sent[-1].body["messages"]][:2] == ["Why?", "Forty-two."]
