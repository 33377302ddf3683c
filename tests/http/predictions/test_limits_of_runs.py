"""Runs that would do more than the operator allows one: what callers are told, and what is kept."""

import json

from tests.support.flows import bound_key, edge, events, exported, make_chatflow, node
from tests.support.server import Api, Running


def endless() -> str:
    """Return a reply, and a loop that leads back to it for ever."""
    start = json.loads(exported())["nodes"][0]
    reply = node("directReplyAgentflow_0", "Reply", {"directReplyMessage": "again"})
    back = {"loopBackToNode": "directReplyAgentflow_0-Reply", "maxLoopCount": 999_999}
    loop = node("loopAgentflow_0", "Loop", back)
    edges = [edge(start["id"], reply["id"], "start"), edge(reply["id"], loop["id"], "reply")]
    return json.dumps({"nodes": [start, reply, loop], "edges": edges})


def test_a_cycle_without_a_way_out_ends_and_others_are_answered(server: Running, owner: Api) -> None:
    """Whole it is a problem, streamed an event and the end; the run is kept as one that failed."""
    chatflow, other = make_chatflow(owner, "Endless", endless()), make_chatflow(owner)
    api = server.api(bound_key(owner, chatflow)["apiKey"])
    path = f"/prediction/{chatflow['id']}"
    whole = api.post(path, json={"question": "x"})
    assert (whole.status_code, whole.json()["code"]) == (422, "run_limit_exceeded")
    assert "1,000 steps" in whole.json()["detail"]
    assert "FLOWKEYS_RUN_STEPS" in whole.json()["detail"]

    told = events(api.post(path, json={"question": "x", "streaming": True}).text)
    assert told[0]["event"] == "start"
    assert told[-3]["data"] == "ERROR"
    assert [event["event"] for event in told[-2:]] == ["error", "end"]
    assert "FLOWKEYS_RUN_STEPS" in told[-2]["data"]

    kept = owner.get(f"/executions?agentflowId={chatflow['id']}").json()
    assert [run["state"] for run in kept] == ["ERROR", "ERROR"]
    with server.api(bound_key(owner, other)["apiKey"]) as beside:
        assert beside.post(f"/prediction/{other['id']}", json={"question": "x"}).status_code == 200
