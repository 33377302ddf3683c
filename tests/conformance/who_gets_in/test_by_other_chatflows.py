"""Who gets in: a chatflow that calls another one opens it to nobody who could not call it."""

import json
from typing import Any

import pytest

from tests.conformance.tenants import Tenant
from tests.flows.support import chain
from tests.flows.support import node as drawn
from tests.support.flows import approval, bound_key, echo, edge, make_chatflow, node
from tests.support.server import Api, Running

SECRET = "inner said"


def calling(inner: str, credential: str = "", *, config: Any = "") -> str:
    """FlowData of a chatflow that says what another one answers."""
    inputs = {"executeFlowSelectedFlow": inner, "executeFlowInput": "{{ question }}"}
    inputs |= {"executeFlowOverrideConfig": config}
    if credential:
        inputs["FLOWISE_CREDENTIAL_ID"] = credential
    return chain(drawn("executeFlowAgentflow_0", inputs))


def credential_of(owner: Api, token: str, name: str) -> str:
    """Return the id of a credential that holds a key of chatflows."""
    body = {"name": name, "credentialName": "chatflowApi", "plainDataObj": {"chatflowApiKey": token}}
    made = owner.post("/credentials", json=body)
    assert made.status_code == 201, made.text
    found: str = made.json()["id"]
    return found


def said(caller: Api, chatflow: dict, question: str = "hello", **members: Any) -> str:
    """Return the answer to a question."""
    answer = caller.post(f"/prediction/{chatflow['id']}", json={"question": question, **members})
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["text"]
    return text


def refused(text: str, code: str) -> bool:
    """Tell whether an answer is that the other chatflow refused it, and nothing that this one says."""
    told = json.loads(text)
    return (told["success"], told["code"], SECRET in text) == (False, code, False)


@pytest.fixture(scope="module")
def inner(owner: Api) -> dict:
    """A chatflow that is not public."""
    return make_chatflow(owner, "Inner", echo(SECRET))


def test_a_key_reaches_another_chatflow_only_while_it_is_bound_to_it(
    owner: Api, server: Running, inner: dict
) -> None:
    """As it would if it called it: neither before it is bound, nor after; nor does a public one's visitor."""
    outer = make_chatflow(owner, "Outer", calling(inner["id"]))
    key = bound_key(owner, outer)
    caller = server.api(key["apiKey"])
    assert refused(said(caller, outer), "chatflow_not_allowed")
    both = {"chatflowIds": [outer["id"], inner["id"]]}
    assert owner.put(f"/apikey/{key['id']}", json=both).status_code == 200
    assert said(caller, outer) == SECRET
    assert owner.put(f"/apikey/{key['id']}", json={"chatflowIds": [outer["id"]]}).status_code == 200
    assert refused(said(caller, outer), "chatflow_not_allowed")
    assert owner.put(f"/chatflows/{outer['id']}", json={"isPublic": True}).status_code == 200
    assert refused(said(server.api(), outer), "chatflow_not_allowed")


def test_a_public_chatflow_is_open_to_other_chatflows(owner: Api, server: Running) -> None:
    """Of its workspace; whoever calls them."""
    inner = make_chatflow(owner, "Open", echo(SECRET))
    outer = make_chatflow(owner, "Outer", calling(inner["id"]))
    for flow in (inner, outer):
        assert owner.put(f"/chatflows/{flow['id']}", json={"isPublic": True}).status_code == 200
    assert said(server.api(), outer) == SECRET


def test_a_credential_opens_what_its_key_opens_while_that_is_live(
    owner: Api, server: Running, inner: dict
) -> None:
    """Not with a key of another chatflow, and no more once it is revoked: with all that was compiled."""
    key = bound_key(owner, inner)
    of_outer = make_chatflow(owner, "Other", echo())
    fit = credential_of(owner, key["apiKey"], "fit for Inner")
    unfit = credential_of(owner, bound_key(owner, of_outer)["apiKey"], "unfit for Inner")
    outers = [make_chatflow(owner, "Outer", calling(inner["id"], ref)) for ref in (fit, unfit)]
    fit_caller, unfit_caller = (server.api(bound_key(owner, outer)["apiKey"]) for outer in outers)
    assert said(fit_caller, outers[0]) == SECRET
    assert refused(said(unfit_caller, outers[1]), "chatflow_not_allowed")
    assert owner.delete(f"/apikey/{key['id']}").status_code == 200
    assert refused(said(fit_caller, outers[0]), "revoked_key")


def test_another_workspaces_chatflow_is_none(here: Tenant, there: Tenant) -> None:
    """Neither one that is public, nor with a key of its own: it is answered as an id of nothing is."""
    theirs = make_chatflow(there.owner, "Theirs", echo(SECRET))
    token = bound_key(there.owner, theirs)["apiKey"]
    assert there.owner.put(f"/chatflows/{theirs['id']}", json={"isPublic": True}).status_code == 200
    ref = credential_of(here.owner, token, "a key of theirs")
    texts = []
    for called in (theirs["id"], "00000000-0000-4000-8000-000000000000"):
        outer = make_chatflow(here.owner, "Outer", calling(called, ref))
        text = said(here.server.api(bound_key(here.owner, outer)["apiKey"]), outer)
        assert refused(text, "not_found")
        texts.append(text.replace(called, ""))
    assert texts[0] == texts[1]


def test_chatflows_that_call_each_other_end(owner: Api, server: Running) -> None:
    """With a limit of runs, not with the server."""
    one = make_chatflow(owner, "One", echo())
    two = make_chatflow(owner, "Two", calling(one["id"]))
    owner.put(f"/chatflows/{one['id']}", json={"flowData": calling(two["id"])}).raise_for_status()
    for flow in (one, two):
        owner.put(f"/chatflows/{flow['id']}", json={"isPublic": True}).raise_for_status()
    answer = server.api().post(f"/prediction/{one['id']}", json={"question": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "run_limit_exceeded")


def test_callers_share_no_memory_of_a_chatflow_that_one_credential_opens(owner: Api, server: Running) -> None:
    """Each has a conversation there of its own, in the session of the run or in one that the node names."""
    inner = make_chatflow(owner, "Remembers", echo("[{{ chat_history }}]"))
    ref = credential_of(owner, bound_key(owner, inner)["apiKey"], "opens what remembers")
    for config in ("", {"sessionId": "of all"}):
        outer = make_chatflow(owner, "Outer", calling(inner["id"], ref, config=config))
        ada, bob = (server.api(bound_key(owner, outer, name)["apiKey"]) for name in ("Ada", "Bob"))
        assert said(ada, outer, "Ada was here", chatId="same") == "[]"
        assert said(bob, outer, "Bob was here", chatId="same") == "[]"
        assert "Ada was here" in said(ada, outer, chatId="same")


def test_a_call_by_a_chatflow_takes_nothing_of_limits(owner: Api, server: Running, inner: dict) -> None:
    """It is a part of the call that it is in, which counts once."""
    outer = make_chatflow(owner, "Outer", calling(inner["id"]))
    both = [outer["id"], inner["id"]]
    limits = [{"limit": 2, "windowSeconds": 86_400}]
    key = owner.post("/apikey", json={"keyName": "two calls", "chatflowIds": both, "rateLimits": limits})
    assert key.status_code == 201, key.text
    caller = server.api(key.json()["apiKey"])
    statuses = [
        caller.post(f"/prediction/{outer['id']}", json={"question": "x"}).status_code for _ in range(3)
    ]
    assert statuses == [200, 200, 429]


def test_one_that_waits_for_a_person_says_what_it_asks(owner: Api, server: Running) -> None:
    """And waits by itself: the run that called goes on."""
    inner = make_chatflow(owner, "Asks", approval())
    outer = make_chatflow(owner, "Outer", calling(inner["id"]))
    caller = server.api(bound_key(owner, outer)["apiKey"])
    assert owner.put(f"/chatflows/{inner['id']}", json={"isPublic": True}).status_code == 200
    assert "Go on with hello?" in said(caller, outer)
    waiting = owner.get(f"/executions?agentflowId={inner['id']}").json()
    assert [each["state"] for each in waiting] == ["STOPPED"]


def test_a_run_that_is_answered_for_its_caller_opens_no_more_than_the_caller(
    owner: Api, server: Running, inner: dict
) -> None:
    """Whoever answers may do more than that: the key that began is looked at as it is then."""
    flow = json.loads(approval())
    inputs = {"executeFlowSelectedFlow": inner["id"], "executeFlowInput": "x"}
    ask = node("executeFlowAgentflow_0", "Ask", inputs)
    flow["nodes"].append(ask)
    flow["edges"] = [e for e in flow["edges"] if e["target"] != "directReplyAgentflow_0"]
    flow["nodes"] = [n for n in flow["nodes"] if n["id"] != "directReplyAgentflow_0"]
    flow["edges"].append(edge("humanInputAgentflow_0", ask["id"], "0"))
    outer = make_chatflow(owner, "Approves", json.dumps(flow), executedData="full")
    key = bound_key(owner, outer)
    caller = server.api(key["apiKey"])

    def answered() -> str:
        asked = caller.post(f"/prediction/{outer['id']}", json={"question": "x"}).json()
        path = f"/executions/{asked['executionId']}/resume"
        answer = owner.post(path, json={"type": "proceed"})
        assert answer.status_code == 200, answer.text
        text: str = answer.json()["text"]
        return text

    assert refused(answered(), "chatflow_not_allowed")
    both = {"chatflowIds": [outer["id"], inner["id"]]}
    assert owner.put(f"/apikey/{key['id']}", json=both).status_code == 200
    assert answered() == SECRET
