"""``/executions``: runs listed, looked at, answered and deleted by those who may."""

import pytest

from tests.support.flows import (
    PROCEED,
    approval,
    bound_key,
    exported,
    make_chatflow,
    make_customer,
    make_waiting,
    with_models,
)
from tests.support.server import Api, Running

HUMAN = "humanInputAgentflow_0"


@pytest.fixture(scope="module")
def runs(server: Running, owner: Api) -> dict[str, str]:
    """Return a chatflow with one run that finished at once, one that waits and one that was answered."""
    chatflow, token = make_waiting(owner)
    path = f"/prediction/{chatflow['id']}"
    found = {"chatflow": chatflow["id"], "token": token}
    with server.api(token) as api:
        for name in ("waits", "answered"):
            asked = api.post(path, json={"question": name, "chatId": name}).json()
            found[name] = asked["executionId"]
        api.post(path, json={"chatId": "answered", "humanInput": PROCEED})
        assert owner.put(f"/chatflows/{chatflow['id']}", json={"flowData": exported()}).status_code == 200
        found["plain"] = api.post(path, json={"question": "plain", "chatId": "p"}).json()["executionId"]
    return found


def test_runs_are_listed_the_newest_first(owner: Api, runs: dict[str, str]) -> None:
    """Whether they have a row of their own or are read from their answers, by state, session and time."""
    mine = f"/executions?agentflowId={runs['chatflow']}"
    found = owner.get(mine).json()
    assert [each["id"] for each in found] == [runs["plain"], runs["answered"], runs["waits"]]
    assert [each["state"] for each in found] == ["FINISHED", "FINISHED", "STOPPED"]
    assert [each["question"] for each in found] == ["plain", "answered", "waits"]
    assert all("executionData" not in each for each in found)
    waiting = owner.get(f"{mine}&state=STOPPED").json()
    assert [each["action"]["data"]["nodeId"] for each in waiting] == [HUMAN]
    assert [e["id"] for e in owner.get(f"{mine}&sessionId=p").json()] == [runs["plain"]]
    page = owner.get(f"{mine}&page=2&limit=2").json()
    assert (page["total"], [e["id"] for e in page["data"]]) == (3, [runs["waits"]])
    first = owner.get(f"{mine}&limit=1")
    assert runs["plain"] in first.headers["link"]
    assert owner.get(f"{mine}&limit=1&before={runs['plain']}").json()[0]["id"] == runs["answered"]
    assert owner.get(f"{mine}&to=2020-01-01").json() == []
    assert len(owner.get(f"{mine}&from=2020-01-01").json()) == 3
    everywhere = [e["id"] for e in owner.get("/executions").json()]
    assert {runs["plain"], runs["waits"], runs["answered"]} <= set(everywhere)
    assert everywhere == sorted(everywhere, reverse=True)


@pytest.mark.parametrize(
    ("query", "field"), [("sessionId=x", "chatflowId"), ("state=DONE", "state"), ("from=x", "from")]
)
def test_a_wrong_query_is_named(owner: Api, query: str, field: str) -> None:
    """422."""
    response = owner.get(f"/executions?{query}")
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_a_run_is_looked_at_step_by_step(owner: Api, runs: dict[str, str]) -> None:
    """With all that its nodes were given and gave."""
    plain = owner.get(f"/executions/{runs['plain']}").json()
    assert [e["nodeId"] for e in plain["executionData"]] == ["startAgentflow_0", "directReplyAgentflow_0"]
    waits = owner.get(f"/executions/{runs['waits']}").json()
    assert [e["status"] for e in waits["executionData"]] == ["FINISHED", "STOPPED"]
    assert owner.get("/executions/nothing").status_code == 404


def test_a_run_that_failed_is_remembered(server: Running, owner: Api) -> None:
    """With what went wrong, though nothing was said."""
    chatflow = make_chatflow(owner, "Fails", with_models("Model", foreign="unused"))
    graph = with_models("Model", foreign="unused").replace(
        '"modelName": "m"', '"modelName": "m", "basepath": "http://127.0.0.1:9/v1"'
    )
    token = bound_key(owner, chatflow)["apiKey"]
    owner.put(f"/chatflows/{chatflow['id']}", json={"flowData": graph})
    with server.api(token) as api:
        response = api.post(f"/prediction/{chatflow['id']}", json={"question": "x"})
    if response.status_code == 422:
        pytest.skip("the server may not call loopback addresses")
    assert response.status_code == 502
    (found,) = owner.get(f"/executions?agentflowId={chatflow['id']}").json()
    assert found["state"] == "ERROR"
    assert found["error"] == response.json()["detail"]


def test_a_person_answers_a_run_of_another_s(server: Running, owner: Api) -> None:
    """Once; the audit log says who, and the caller's next message follows on what was said."""
    chatflow, token = make_waiting(owner)
    with server.api(token) as api:
        asked = api.post(f"/prediction/{chatflow['id']}", json={"question": "x", "chatId": "s"}).json()
        path = f"/executions/{asked['executionId']}/resume"
        assert owner.post(path, json={"type": "maybe"}).status_code == 422
        done = owner.post(path, json={"type": "proceed", "feedback": "ok"})
        assert done.json()["text"] == "done: ok K"
        again = owner.post(path, json={"type": "reject"})
        assert (again.status_code, again.json()["code"]) == (409, "already_resumed")
        late = api.post(f"/prediction/{chatflow['id']}", json={"chatId": "s", "humanInput": PROCEED})
        assert late.status_code == 409
    (entry,) = owner.get(f"/audit?subject={asked['executionId']}").json()
    assert (entry["action"], entry["after"]["type"]) == ("execution.resume", "proceed")
    messages = owner.get(f"/chatflows/{chatflow['id']}/messages?sessionId=s").json()
    assert len(messages["data"] if isinstance(messages, dict) else messages) == 4


def begun(server: Running, chatflow: dict, key: dict) -> str:
    """Let a key begin a run that waits; return where it is answered."""
    with server.api(key["apiKey"]) as api:
        asked = api.post(f"/prediction/{chatflow['id']}", json={"question": "x", "chatId": key["id"]})
    assert asked.status_code == 200, asked.text
    return f"/executions/{asked.json()['executionId']}"


def test_an_answer_is_a_call_of_the_key_that_began_the_run(server: Running, owner: Api) -> None:
    """Where nothing is left it is refused, and the run waits until there is more."""
    chatflow, _ = make_waiting(owner)
    key = bound_key(owner, chatflow, quotas=[{"calls": 2, "period": "month"}])
    run = begun(server, chatflow, key)
    assert owner.post(f"{run}/resume", json={"type": "proceed"}).status_code == 200
    assert owner.get(f"/apikey/{key['id']}").json()["quotas"][0]["used"] == 2
    with server.api(key["apiKey"]) as api:
        refused = api.post(f"/prediction/{chatflow['id']}", json={"question": "x"})
        assert refused.json()["code"] == "quota_exceeded"

    customer = make_customer(owner, quotas=[{"calls": 1, "period": "month"}])
    key = bound_key(owner, chatflow, "another", customerId=customer["id"])
    run = begun(server, chatflow, key)
    refused = owner.post(f"{run}/resume", json={"type": "proceed"})
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert owner.get(run).json()["state"] == "STOPPED"
    assert owner.get(f"/audit?subject={run.removeprefix('/executions/')}").json() == []
    assert owner.put(f"/customers/{customer['id']}", json={"quotas": None}).status_code == 200
    assert owner.post(f"{run}/resume", json={"type": "proceed"}).status_code == 200


def test_what_is_refused_or_ended_takes_nothing(server: Running, owner: Api) -> None:
    """An answer that comes too late costs no call; a key that ended has no limits that could refuse one."""
    chatflow, _ = make_waiting(owner)
    key = bound_key(owner, chatflow, quotas=[{"calls": 9, "period": "month"}])
    run = begun(server, chatflow, key)
    for status in (200, 409):
        assert owner.post(f"{run}/resume", json={"type": "reject"}).status_code == status
    assert owner.get(f"/apikey/{key['id']}").json()["quotas"][0]["used"] == 2

    key = bound_key(owner, chatflow, "ends", quotas=[{"calls": 1, "period": "month"}])
    run = begun(server, chatflow, key)
    assert owner.delete(f"/apikey/{key['id']}").status_code == 200
    assert owner.post(f"{run}/resume", json={"type": "reject"}).status_code == 200


def test_a_chatflow_s_limit_holds_for_answers(server: Running, owner: Api) -> None:
    """Whoever began the run: here a visitor of a public one, whose own limit is not asked."""
    limit = {"limit": 1, "windowSeconds": 86_400}
    chatflow = make_chatflow(owner, flow_data=approval(), isPublic=True, rateLimits=[limit])
    session = "0b5c6f3e-0000-4000-8000-00000000000a"
    body = {"question": "x", "chatId": session}
    run = server.api().post(f"/prediction/{chatflow['id']}", json=body).json()["executionId"]
    refused = owner.post(f"/executions/{run}/resume", json={"type": "proceed"})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert owner.put(f"/chatflows/{chatflow['id']}", json={"rateLimits": None}).status_code == 200
    assert owner.post(f"/executions/{run}/resume", json={"type": "proceed"}).status_code == 200


def test_a_run_that_was_deleted_is_gone(server: Running, owner: Api) -> None:
    """One that waited can be answered no more; of one that finished the messages stay."""
    chatflow, token = make_waiting(owner)
    path = f"/prediction/{chatflow['id']}"
    with server.api(token) as api:
        waits = api.post(path, json={"question": "x", "chatId": "s"}).json()["executionId"]
        owner.put(f"/chatflows/{chatflow['id']}", json={"flowData": exported()})
        plain = api.post(path, json={"question": "x", "chatId": "p"}).json()["executionId"]
        for run in (waits, plain):
            assert owner.delete(f"/executions/{run}").status_code == 200
            assert owner.get(f"/executions/{run}").status_code == 404
            assert owner.delete(f"/executions/{run}").status_code == 404
        assert api.post(path, json={"chatId": "s", "humanInput": PROCEED}).status_code == 410
    assert owner.get(f"/executions?agentflowId={chatflow['id']}").json() == []
    messages = owner.get(f"/chatflows/{chatflow['id']}/messages").json()
    assert len(messages["data"] if isinstance(messages, dict) else messages) == 4


def test_a_run_whose_flow_cannot_run_any_more_waits_on(server: Running, owner: Api) -> None:
    """The answer says why, and the next one finds the run as it was."""
    chatflow, token = make_waiting(owner, approval())
    with server.api(token) as api:
        asked = api.post(f"/prediction/{chatflow['id']}", json={"question": "x", "chatId": "s"}).json()
        run = asked["executionId"]
        kept = server.by_hand("SELECT flow FROM execution_flow WHERE chatflow_id = ?", chatflow["id"])[0][0]
        spoilt = kept.replace("directReplyAgentflow", "noSuchKind")
        server.by_hand("UPDATE execution_flow SET flow = ? WHERE chatflow_id = ?", spoilt, chatflow["id"])
        answer = {"chatId": "s", "humanInput": PROCEED}
        refused = api.post(f"/prediction/{chatflow['id']}", json=answer)
        assert (refused.status_code, refused.json()["code"]) == (422, "flow_not_runnable")
        assert "noSuchKind" in owner.get(f"/executions/{run}").json()["error"]
        server.by_hand("UPDATE execution_flow SET flow = ? WHERE chatflow_id = ?", kept, chatflow["id"])
        assert api.post(f"/prediction/{chatflow['id']}", json=answer).status_code == 200
