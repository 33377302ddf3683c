"""Quotas of model tokens: reserved before a run, settled after it, never exceeded by running in parallel."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowkeys.flows.drafts.templates import openai_flow
from tests.http.limits.test_quotas import fields, left
from tests.support.flows import bound_key, events, make_chatflow, make_customer
from tests.support.raw_model import CHUNKED, DONE, PORT, STOP, RawModel, chunk, in_a_thread, record, whole
from tests.support.server import Api, Running
from tests.support.waiting import until

ASK = {"question": "Hello"}
QUOTAS = [{"tokens": 1000, "period": "month"}, {"calls": 5, "period": "1d"}]


@pytest.fixture
def raw() -> Iterator[RawModel]:
    """A model that every server may call."""
    with in_a_thread(PORT) as model:
        yield model


def answer(read: int | None, written: int | None, text: str = "Hello") -> bytes:
    """Return a model's whole answer, which says what was used if that is given."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {} if read is None else {"usage": {"prompt_tokens": read, "completion_tokens": written}}
    return whole(json.dumps({"choices": [choice], **usage}).encode())


def chat(owner: Api, model: RawModel, most: int | None = 100, name: str = "Model") -> dict[str, Any]:
    """Store a chatflow of the model, whose answers have so many tokens at most."""
    flow = json.loads(openai_flow(model.url, "m"))
    for node in flow["nodes"]:
        config = node["data"]["inputs"].get("llmModelConfig")
        if config is not None:
            config["maxTokens"] = "" if most is None else most
    return make_chatflow(owner, name, json.dumps(flow))


def quota(server: Running, owner: Api, key: dict[str, Any]) -> dict[str, Any]:
    """Return a key's one quota as it is shown, by whichever process."""
    server.agree()
    (found,) = owner.get(f"/apikey/{key['id']}").json()["quotas"]
    return dict(found)


def test_what_a_model_says_counts(raw: RawModel, server: Running, owner: Api) -> None:
    """A run reserves what its node allows, and is charged what was used: whole, streamed, failed."""
    chatflow = chat(owner, raw)
    key = bound_key(owner, chatflow, quotas=[{"tokens": 1000, "period": "month"}])
    caller, path = server.api(key["apiKey"]), f"/prediction/{chatflow['id']}"
    raw.says(answer(20, 30))
    first = caller.post(path, json=ASK)
    assert (first.status_code, left(first)) == (200, {"tokens-month": 1000})
    assert fields(first, "RateLimit-Policy")["tokens-month"]["qu"] == '"tokens"'
    assert (quota(server, owner, key)["used"], quota(server, owner, key)["reserved"]) == (50, 0)
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
    raw.says(CHUNKED, chunk(record("Hello") + STOP + usage + DONE), chunk(b""))
    streamed = caller.post(path, json={**ASK, "streaming": True})
    assert events(streamed.text)[-1]["event"] == "end"
    assert quota(server, owner, key)["used"] == 60
    raw.says(whole(b'{"error":{"message":"no"}}', status=b"500 Broken"))
    assert caller.post(path, json=ASK).status_code == 502
    shown = quota(server, owner, key)
    assert (shown["used"], shown["reserved"], shown["left"]) == (60, 0, 940)
    server.agree()
    (step,) = [each for each in owner.get(f"/apikey/{key['id']}/usage?step=day").json() if each["calls"]]
    assert (step["tokensIn"], step["tokensOut"], step["tokensEstimated"]) == (27, 33, 0)
    assert caller.get("/auth/verify").status_code == 200
    assert quota(server, owner, key)["used"] == 60, "what uses no tokens takes none"


def test_what_a_model_does_not_say_is_estimated(raw: RawModel, server: Running, owner: Api) -> None:
    """By the length of what was asked and answered, and usage says how much of it is an estimate."""
    chatflow = chat(owner, raw, name="Silent")
    key = bound_key(owner, chatflow, quotas=[{"tokens": 1000, "period": "30d"}])
    caller = server.api(key["apiKey"])
    raw.says(answer(None, None, "x" * 400))
    assert caller.post(f"/prediction/{chatflow['id']}", json={"question": "y" * 200}).status_code == 200
    used = quota(server, owner, key)["used"]
    assert 150 <= used <= 200
    server.agree()
    (step,) = [each for each in owner.get(f"/apikey/{key['id']}/usage?step=day").json() if each["calls"]]
    assert step["tokensIn"] + step["tokensOut"] == step["tokensEstimated"] == used
    assert step["tokensOut"] == 100


def test_nobody_exceeds_a_quota_by_running_in_parallel(raw: RawModel, server: Running, owner: Api) -> None:
    """Of 20 calls at a time exactly those are let in that fit; what was not used may be used then."""
    chatflow = chat(owner, raw, name="Parallel")
    customer = make_customer(owner, quotas=[{"tokens": 1000, "period": "month"}])
    keys = [bound_key(owner, chatflow, customerId=customer["id"]) for _ in range(2)]
    callers = [server.api(keys[n % 2]["apiKey"]) for n in range(20)]
    path = f"/prediction/{chatflow['id']}"
    statuses: list[int] = []

    def call(n: int) -> tuple[int, str]:
        said = callers[n].post(path, json=ASK)
        statuses.append(said.status_code)
        return said.status_code, said.headers.get("Retry-After", "")

    def after_the_others() -> Iterator[Any]:
        for _ in range(3000):  # the model answers when all that are refused know it
            if statuses.count(429) == 11:
                break
            yield 0.01
        yield answer(10, 30)

    def used() -> int:
        server.agree()
        return int(owner.get(f"/customers/{customer['id']}").json()["quotas"][0]["used"])

    raw.says(answer(10, 30))
    assert call(0)[0] == 200
    assert used() == 40
    raw.script = lambda _: after_the_others()
    with ThreadPoolExecutor(20) as threads:
        found = sorted(threads.map(call, range(20)))
    assert [status for status, _ in found] == [200] * 9 + [429] * 11, "960 tokens are 9 times 100"
    assert {wait for _, wait in found[9:]} == {"5"}, "what is reserved is given back soon"
    assert used() == 400
    raw.says(answer(10, 90))
    for _ in range(5):
        assert call(0)[0] == 200
    assert used() == 900
    raw.says(answer(0, 50))
    assert call(0)[0] == 429, "the answer alone would fit, with the question it does not"
    assert used() == 900


def test_a_call_that_never_fits_says_so(raw: RawModel, server: Running, owner: Api) -> None:
    """Without a limit of its node a model reserves what the setting says, which is named."""
    chatflow = chat(owner, raw, None, name="Unlimited")
    key = bound_key(owner, chatflow, quotas=QUOTAS)
    said = server.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json=ASK)
    assert (said.status_code, said.json()["code"]) == (429, "quota_exceeded")
    assert "1000 tokens in a calendar month" in said.json()["detail"]
    assert "4096 tokens" in said.json()["detail"]
    assert [each["used"] for each in owner.get(f"/apikey/{key['id']}").json()["quotas"]] == [0, 0]
    echo = make_chatflow(owner)
    owner.put(f"/apikey/{key['id']}", json={"chatflowIds": [chatflow["id"], echo["id"]]})
    assert server.api(key["apiKey"]).post(f"/prediction/{echo['id']}", json=ASK).status_code == 200


def test_a_client_that_leaves_is_charged_and_holds_nothing(
    raw: RawModel, server: Running, owner: Api
) -> None:
    """In the middle of an answer, or with a bad body: reservations end with the call."""
    chatflow = chat(owner, raw, name="Left")
    key = bound_key(owner, chatflow, quotas=[{"tokens": 1000, "period": "month"}])
    caller, path = server.api(key["apiKey"]), f"/prediction/{chatflow['id']}"
    assert caller.post(path, json={"question": "x", "form": {"a": "b"}}).status_code == 422
    assert (quota(server, owner, key)["used"], quota(server, owner, key)["reserved"]) == (0, 0)
    raw.says(CHUNKED, chunk(record("x" * 40)), 60)
    with caller.stream("POST", path, json={**ASK, "streaming": True}) as streamed:
        text = ""
        pieces = streamed.iter_text()  # a name: whoever lets go of it closes the connection
        for piece in pieces:
            text += piece
            if "xxxx" in text:
                break
        until(lambda: quota(server, owner, key)["reserved"] >= 100, "what is reserved to be shown")
    until(lambda: quota(server, owner, key)["reserved"] == 0, "the reservation to end")
    assert 10 <= quota(server, owner, key)["used"] <= 40, "what it read, and the ten tokens that came"
