"""Chatflows that another one calls: what their models use, what the log has of them, and who tries them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from flowkeys.flows.drafts.templates import openai_flow
from tests.flows.support import chain, node
from tests.support.flows import bound_key, events, make_chatflow
from tests.support.people import person
from tests.support.raw_model import PORT, RawModel, in_a_thread, whole
from tests.support.server import Api, Running

ASK = {"question": "Hello"}


@pytest.fixture
def raw() -> Iterator[RawModel]:
    """A model that every server may call."""
    with in_a_thread(PORT) as model:
        yield model


def calling(owner: Api, inner: dict[str, Any]) -> dict[str, Any]:
    """Return a chatflow that calls another one."""
    inputs = {"executeFlowSelectedFlow": inner["id"], "executeFlowInput": "{{ question }}"}
    return make_chatflow(owner, "Caller", chain(node("executeFlowAgentflow_0", inputs)))


@pytest.fixture
def outer(raw: RawModel, owner: Api) -> dict[str, Any]:
    """A chatflow that calls a public one, whose model says at most 100 tokens."""
    flow = json.loads(openai_flow(raw.url, "m"))
    for drawn in flow["nodes"]:
        config = drawn["data"]["inputs"].get("llmModelConfig")
        if config is not None:
            config["maxTokens"] = 100
    inner = make_chatflow(owner, "Called", json.dumps(flow))
    assert owner.put(f"/chatflows/{inner['id']}", json={"isPublic": True}).status_code == 200
    return calling(owner, inner)


def test_what_the_model_of_a_called_chatflow_uses_counts_for_the_caller(
    raw: RawModel, server: Running, owner: Api, outer: dict[str, Any]
) -> None:
    """Once, with the call that it is in; and when too little is left that call is refused."""
    key = bound_key(owner, outer, quotas=[{"tokens": 160, "period": "month"}])
    caller = server.api(key["apiKey"])
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 20, "completion_tokens": 30}
    raw.says(whole(json.dumps({"choices": [choice], "usage": usage}).encode()))
    path = f"/prediction/{outer['id']}"
    assert caller.post(path, json=ASK).json()["text"] == "Hi"
    server.agree()
    (quota,) = owner.get(f"/apikey/{key['id']}").json()["quotas"]
    assert (quota["used"], quota["reserved"]) == (50, 0)
    days = [each for each in owner.get(f"/apikey/{key['id']}/usage?step=day").json() if each["calls"]]
    assert [(each["calls"], each["tokensIn"], each["tokensOut"]) for each in days] == [(1, 20, 30)]
    assert caller.post(path, json=ASK).status_code == 200
    refused = caller.post(path, json=ASK)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")


@pytest.mark.of_one_process("lines of one process's log are looked at")
def test_why_a_called_chatflow_failed_is_in_the_log_in_full(
    raw: RawModel, server: Running, owner: Api, outer: dict[str, Any]
) -> None:
    """The caller hears of it in short."""
    raw.says(whole(b'{"error":{"message":"Slow down, Ada."}}', b"Retry-After: 7", status=b"429 Too Many"))
    caller = server.api(bound_key(owner, outer)["apiKey"])
    with capture_logs() as lines:
        answer = caller.post(f"/prediction/{outer['id']}", json=ASK)
    told = json.loads(answer.json()["text"])
    assert (answer.status_code, told["code"]) == (200, "upstream_failed")
    assert "Ada" not in answer.text
    assert ["Ada" in line["reason"] for line in lines if line["event"] == "upstream failed"] == [True]


def test_who_tries_a_chatflow_tries_those_that_it_calls(server: Running, owner: Api) -> None:
    """A person may try each of their workspace, whoever else may call it."""
    outer = calling(owner, make_chatflow(owner, "Closed"))
    headers = {**person(server, "owner").headers, "Accept": "text/event-stream"}
    told = server.api().post(f"{server.url}/chatflows/{outer['id']}/try", data=ASK, headers=headers)
    assert [each["data"] for each in events(told.text) if each["event"] == "token"] == ["You said: Hello"]
