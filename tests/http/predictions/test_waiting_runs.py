"""Runs that stop for a person: what is asked, who may answer, and what an answer leads to."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.flows import PROCEED, approval, events, make_key, make_waiting
from tests.support.server import Api, Running


def ask(api: Api, chatflow: dict, session: str, **members: object) -> dict:
    """Ask, and return the answer of the run that stops."""
    response = api.post(
        f"/prediction/{chatflow['id']}", json={"question": "deploy", "chatId": session, **members}
    )
    assert response.status_code == 200, response.text
    said: dict = response.json()
    return said


def test_a_run_stops_and_goes_on(server: Running, owner: Api) -> None:
    """The same run, with the state and the outputs that it had, and the entry that waited replaced."""
    chatflow, token = make_waiting(owner)
    with server.api(token) as api:
        asked = ask(api, chatflow, "s1")
        assert asked["text"] == "\n\nGo on with deploy?"
        assert asked["action"]["data"]["nodeId"] == "humanInputAgentflow_0"
        assert [e["status"] for e in asked["agentFlowExecutedData"]] == ["FINISHED", "STOPPED"]

        body = {"chatId": "s1", "humanInput": {**PROCEED, "feedback": "fine"}}
        done = api.post(f"/prediction/{chatflow['id']}", json=body).json()

    assert done["text"] == "done: fine K"
    assert done["executionId"] == asked["executionId"]
    assert "question" not in done
    assert "action" not in done
    assert [e["status"] for e in done["agentFlowExecutedData"]] == ["FINISHED"] * 3
    said = owner.get(f"/chatflows/{chatflow['id']}/messages?sessionId=s1").json()
    found = said["data"] if isinstance(said, dict) else said
    assert [m["content"] for m in found] == ["done: fine K", "fine", "\n\nGo on with deploy?", "deploy"]


def test_streams_say_that_a_run_stops(server: Running, owner: Api) -> None:
    """And one that goes on begins at the node that waited."""
    chatflow, token = make_waiting(owner)
    path = f"/prediction/{chatflow['id']}"
    with server.api(token) as api:
        stopped = events(api.post(path, json={"question": "x", "chatId": "s", "streaming": True}).text)
        answer = {"chatId": "s", "humanInput": {}, "streaming": True}
        resumed = events(api.post(path, json=answer).text)
    names = [e["event"] for e in stopped]
    assert names[-6:] == [
        "agentFlowExecutedData",
        "agentFlowEvent",
        "action",
        "agentFlowEvent",
        "metadata",
        "end",
    ]
    assert [e["data"] for e in stopped if e["event"] == "agentFlowEvent"] == [
        "INPROGRESS",
        "STOPPED",
        "STOPPED",
    ]
    assert stopped[-2]["data"]["action"] == stopped[-4]["data"]
    begun = [e["data"]["nodeId"] for e in resumed if e["event"] == "nextAgentFlow"]
    assert begun[0] == "humanInputAgentflow_0"
    assert [e["data"] for e in resumed if e["event"] == "token"] == ["refused"]


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ("proceed", "humanInput"),
        (["proceed"], "humanInput"),
        (1, "humanInput"),
        ({"type": "proceed", "feedback": 5}, "humanInput.feedback"),
        ({"type": "proceed", "startNodeId": {}}, "humanInput.startNodeId"),
        ({"type": "proceed", "startNodeId": "llmAgentflow_7"}, "humanInput.startNodeId"),
    ],
)
def test_an_answer_of_another_form_is_refused_and_the_run_waits_on(
    server: Running, owner: Api, answer: object, field: str
) -> None:
    """By its name, and nothing is lost."""
    chatflow, token = make_waiting(owner)
    with server.api(token) as api:
        ask(api, chatflow, "s")
        body = {"chatId": "s", "humanInput": answer}
        refused = api.post(f"/prediction/{chatflow['id']}", json=body)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [field]
        body = {"chatId": "s", "humanInput": {"type": "reject"}}
        assert api.post(f"/prediction/{chatflow['id']}", json=body).json()["text"] == "refused"


def test_of_two_answers_at_once_one_goes_on(server: Running, owner: Api) -> None:
    """Each of the others is told that the run was answered, also when it comes behind."""
    chatflow, token = make_waiting(owner)
    body = {"chatId": "s", "humanInput": PROCEED}
    with server.api(token) as api:
        ask(api, chatflow, "s")

        def answer(number: int) -> tuple[int, str]:
            del number
            with server.api(token) as own:
                response = own.post(f"/prediction/{chatflow['id']}", json=body)
            return response.status_code, response.json().get("code", "")

        with ThreadPoolExecutor(6) as threads:
            found = sorted(threads.map(answer, range(6)))
    assert found == [(200, ""), *[(409, "already_resumed")] * 5]


def test_only_the_same_key_and_session_answer(server: Running, owner: Api) -> None:
    """Another key's session of the same name has no run, and neither has another session."""
    chatflow, token = make_waiting(owner)
    other = make_key(owner, "other", chatflowIds=[chatflow["id"]])["apiKey"]
    path = f"/prediction/{chatflow['id']}"
    with server.api(token) as api, server.api(other) as stranger:
        ask(api, chatflow, "s")
        for client, session in ((stranger, "s"), (api, "t")):
            response = client.post(path, json={"chatId": session, "humanInput": PROCEED})
            assert (response.status_code, response.json()["code"]) == (410, "cannot_resume")
            body = {"chatId": session, "humanInput": PROCEED, "streaming": True}
            assert client.post(path, json=body).status_code == 410
        assert api.post(path, json={"chatId": "s", "humanInput": PROCEED}).status_code == 200


def test_a_run_goes_on_with_the_flow_as_it_was(server: Running, owner: Api) -> None:
    """Whatever became of the chatflow meanwhile; the next run is of the new one."""
    chatflow, token = make_waiting(owner)
    path = f"/prediction/{chatflow['id']}"
    with server.api(token) as api:
        ask(api, chatflow, "s")
        changed = owner.put(f"/chatflows/{chatflow['id']}", json={"flowData": approval(proceed="new")})
        assert changed.status_code == 200
        assert api.post(path, json={"chatId": "s", "humanInput": PROCEED}).json()["text"] == "done: proceed K"
        ask(api, chatflow, "s2")
        assert api.post(path, json={"chatId": "s2", "humanInput": PROCEED}).json()["text"] == "new"


def test_it_expires(server: Running, owner: Api) -> None:
    """Then the answer is refused with what to do, and nothing is kept of what it would have gone on with."""
    chatflow, token = make_waiting(owner)
    path = f"/prediction/{chatflow['id']}"
    with server.api(token) as api:
        run = ask(api, chatflow, "s")["executionId"]
        server.by_hand("UPDATE execution SET expires_at = 1 WHERE id = ?", run)
        response = api.post(path, json={"chatId": "s", "humanInput": PROCEED})
        assert (response.status_code, response.json()["code"]) == (410, "cannot_resume")
        assert "Ask the question again" in response.json()["detail"]
        server.do(server.runtime.waiting.tidy())
        rows = server.by_hand("SELECT state, saved, flow FROM execution WHERE id = ?", run)
        assert rows == [("TIMEOUT", None, None)]
        assert api.post(path, json={"chatId": "s", "humanInput": PROCEED}).status_code == 410


def test_what_nobody_holds_any_more_waits_again(server: Running, owner: Api) -> None:
    """A process that took a run and is gone leaves it to be answered again, with a word on what happened."""
    chatflow, token = make_waiting(owner)
    path = f"/prediction/{chatflow['id']}"
    with server.api(token) as api:
        run = ask(api, chatflow, "s")["executionId"]
        held = "UPDATE execution SET state = 'INPROGRESS', taken_by = 'x', taken_until = ? WHERE id = ?"
        server.by_hand(held, 2**60, run)
        assert api.post(path, json={"chatId": "s", "humanInput": PROCEED}).status_code == 409
        server.by_hand(held, 1, run)
        server.do(server.runtime.waiting.tidy())
        state, error = server.by_hand("SELECT state, error FROM execution WHERE id = ?", run)[0]
        assert state == "STOPPED"
        assert "may run again" in error
        assert api.post(path, json={"chatId": "s", "humanInput": PROCEED}).status_code == 200
        server.do(server.runtime.waiting.tidy())
        kept = server.by_hand("SELECT * FROM execution_flow WHERE chatflow_id = ?", chatflow["id"])
        assert kept == []
