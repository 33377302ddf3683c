"""``/prediction``: answers, streams, sessions, refusals."""

import json
import threading
import uuid

import pytest

import flowkeys
from flowkeys.client import events as events_of
from tests.support.flows import bound_key, echo, events, make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def chatflow(owner: Api) -> dict:
    """An echo that everyone here shares."""
    return make_chatflow(owner)


@pytest.fixture(scope="module")
def caller(server: Running, owner: Api, chatflow: dict) -> Api:
    """A client whose key opens it."""
    return server.api(bound_key(owner, chatflow)["apiKey"])


def test_an_answer_has_the_members_that_flowise_answers_with(caller: Api, chatflow: dict) -> None:
    """Start → Direct Reply as exported, unchanged."""
    response = caller.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {
        "text", "question", "chatId", "chatMessageId", "executionId", "agentFlowExecutedData", "sessionId",
    }  # fmt: skip
    assert (body["text"], body["question"], body["sessionId"]) == ("You said: Hello", "Hello", body["chatId"])
    assert [uuid.UUID(body[name]).version for name in ("chatId", "chatMessageId", "executionId")] == [7, 4, 7]
    nodes = [(e["nodeId"], e["nodeLabel"], e["status"]) for e in body["agentFlowExecutedData"]]
    assert nodes == [
        ("startAgentflow_0", "Start", "FINISHED"),
        ("directReplyAgentflow_0", "Direct Reply 0", "FINISHED"),
    ]
    assert set(body["agentFlowExecutedData"][1]) == {
        "nodeId",
        "nodeLabel",
        "kind",
        "previousNodeIds",
        "status",
    }


def test_a_stream_has_its_events_in_order_byte_for_byte(caller: Api, chatflow: dict) -> None:
    """As the contract lists them; `end` is last; `data:` inside the JSON is escaped."""
    question = "say data: and data:x, 客户\n\nend"
    body = {"question": question, "streaming": True}
    response = caller.post(f"/prediction/{chatflow['id']}", json=body)
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.text.endswith('message:\ndata:{"event":"end","data":"[DONE]"}\n\n')
    assert all(record.count("data:") == 1 for record in response.text.split("\n\n") if record)
    got = events(response.text)
    assert [e["event"] for e in got] == [
        "start", "agentFlowEvent", "nextAgentFlow", "nextAgentFlow", "agentFlowExecutedData",
        "nextAgentFlow", "token", "nextAgentFlow", "agentFlowExecutedData", "agentFlowEvent", "metadata",
        "end",
    ]  # fmt: skip
    assert "".join(e["data"] for e in got if e["event"] == "token") == f"You said: {question}"
    metadata = got[-2]["data"]
    assert metadata["question"] == question
    assert metadata["sessionId"] == metadata["chatId"]


def test_a_chatflow_of_the_plain_type_streams_without_node_events(server: Running, owner: Api) -> None:
    """start, token…, metadata, end."""
    plain = make_chatflow(owner, type="CHATFLOW")
    caller = server.api(bound_key(owner, plain)["apiKey"])
    response = caller.post(f"/prediction/{plain['id']}", json={"question": "x", "streaming": True})
    assert [e["event"] for e in events(response.text)] == ["start", "token", "metadata", "end"]
    answer = caller.post(f"/prediction/{plain['id']}", json={"question": "x"}).json()
    assert "executionId" not in answer


def test_both_messages_are_stored_before_the_answer(owner: Api, caller: Api, chatflow: dict) -> None:
    """And shown as a conversation, newest first, to who may view chatflows."""
    for streaming in (False, True):
        session = str(uuid.uuid4())
        caller.post(
            f"/prediction/{chatflow['id']}",
            json={"question": "remember", "sessionId": session, "streaming": streaming},
        )
        page = owner.get(f"/chatflows/{chatflow['id']}/messages", params={"sessionId": session}).json()
        assert page["total"] == 2
        assert [(m["role"], m["content"]) for m in page["data"]] == [
            ("apiMessage", "You said: remember"),
            ("userMessage", "remember"),
        ]
        assert {m["sessionId"] for m in page["data"]} == {session}


@pytest.mark.parametrize(
    ("body", "session"),
    [
        ({"overrideConfig": {"sessionId": "o"}, "sessionId": "s", "chatId": "c"}, "o"),
        ({"sessionId": "s", "chatId": "c"}, "s"),
        ({"chatId": "c"}, "c"),
    ],
)
def test_which_session_a_call_belongs_to(caller: Api, chatflow: dict, body: dict, session: str) -> None:
    """overrideConfig's, else sessionId, else chatId, else a new one."""
    answer = caller.post(f"/prediction/{chatflow['id']}", json={"question": "x", **body}).json()
    assert answer["sessionId"] == session
    assert answer["chatId"] == body.get("chatId", session)


def test_a_session_belongs_to_its_key(server: Running, owner: Api) -> None:
    """The same id sent with another key is another session: neither sees the other's history."""
    history = make_chatflow(owner, flow_data=echo("Before: {{ chat_history }}"))
    one, two = (server.api(bound_key(owner, history, name)["apiKey"]) for name in ("one", "two"))
    url = f"/prediction/{history['id']}"
    body = {"sessionId": "shared-id"}
    one.post(url, json={"question": "my secret plan", **body})
    assert "my secret plan" in one.post(url, json={"question": "again", **body}).json()["text"]
    assert "my secret plan" not in two.post(url, json={"question": "again", **body}).json()["text"]
    given = [{"role": "userMessage", "content": "from the body"}, {"role": "apiMessage", "content": "yes"}]
    replaced = one.post(url, json={"question": "again", "history": given, **body}).json()["text"]
    assert replaced == "Before: "


def test_on_a_public_chatflow_only_unguessable_sessions_are_remembered(server: Running, owner: Api) -> None:
    """Anyone could send `1`; nobody can guess a uuid."""
    public = make_chatflow(owner, flow_data=echo("Before: {{ chat_history }}"), isPublic=True)
    anyone = server.api()
    url = f"/prediction/{public['id']}"
    first = anyone.post(url, json={"question": "private matter", "chatId": "1"}).json()
    assert first["sessionId"] != "1"
    assert "private matter" not in anyone.post(url, json={"question": "x", "chatId": "1"}).json()["text"]
    session = str(uuid.uuid4())
    anyone.post(url, json={"question": "private matter", "chatId": session})
    assert "private matter" in anyone.post(url, json={"question": "x", "chatId": session}).json()["text"]


def test_explicit_nulls_and_extra_members_are_accepted(caller: Api, chatflow: dict) -> None:
    """Flowise's clients send them."""
    body = {
        "question": "x", "streaming": False, "chatId": None, "overrideConfig": None, "history": None,
        "uploads": [], "leadEmail": None, "action": None, "chatflowId": chatflow["id"], "form": None,
        "sessionId": None, "humanInput": None,
    }  # fmt: skip
    assert caller.post(f"/prediction/{chatflow['id']}", json=body).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": "x", "form": {"a": 1}}, "form"),
        ({"question": "x", "history": [{"role": "user", "content": "x"}]}, "history"),
        ({"question": "x", "history": [{"role": "system", "content": "x"}]}, "history"),
        ({"question": "x", "history": "x"}, "history"),
        ({"question": "x", "sessionId": "x" * 256}, "sessionId"),
        ({"question": "x", "chatId": "a\nb"}, "chatId"),
        ({"question": "x", "overrideConfig": {"sessionId": 7}}, "overrideConfig.sessionId"),
        ({"question": "x", "uploads": [{"data": "x"}]}, "uploads"),
        ({"question": "x", "uploads": [{"type": "file:full", "name": "a.txt"}]}, "uploads"),
        ({"question": "x", "humanInput": "proceed"}, "humanInput"),
        ([], "body"),
        ("x", "body"),
    ],
)
def test_a_wrong_body_is_422_before_a_stream_begins(
    caller: Api, chatflow: dict, body: object, field: str
) -> None:
    """Naming the field."""
    response = caller.post(f"/prediction/{chatflow['id']}", json=body)
    assert response.status_code == 422, response.text
    assert field in {error["field"] for error in response.json()["errors"]}


def test_credential_and_binding_come_before_the_body(server: Running, owner: Api, chatflow: dict) -> None:
    """A stranger learns nothing from a malformed or an enormous body."""
    stranger = server.api(owner.post("/apikey", json={"keyName": "stranger"}).json()["apiKey"])
    for content in (b"{", b"x" * 11_000_000):
        assert server.api().post(f"/prediction/{chatflow['id']}", content=content).status_code == 401
        assert stranger.post(f"/prediction/{chatflow['id']}", content=content).status_code == 403
        assert server.api().post("/apikey", content=content).status_code == 401


def test_without_a_key_an_existing_chatflow_looks_like_none(server: Running, chatflow: dict) -> None:
    """401 either way; with a key that is not bound, 403 either way."""
    unbound = server.api(server.key("unbound")["apiKey"])
    bodies = []
    for chatflow_id in (chatflow["id"], str(uuid.uuid4()), "nonsense"):
        nobody = server.api().post(f"/prediction/{chatflow_id}", json={"question": "x"})
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="flowkeys"')
        other = unbound.post(f"/prediction/{chatflow_id}", json={"question": "x"})
        assert (other.status_code, other.json()["code"]) == (403, "chatflow_not_allowed")
        assert 'error="insufficient_scope"' in other.headers["www-authenticate"]
        bodies.append({**other.json(), "requestId": ""})
    assert bodies[0] == bodies[1] == bodies[2]


def test_the_limit_on_bodies_is_a_setting(start) -> None:
    """Larger ones are 413, announced or sent in pieces."""
    server = start(max_body_bytes=2048)
    owner = server.owner()
    small = make_chatflow(owner, flow_data='{"nodes":[],"edges":[]}')
    caller = server.api(bound_key(owner, small)["apiKey"])
    big = json.dumps({"question": "x" * 3000}).encode()
    calls = [
        caller.post(f"/prediction/{small['id']}", content=big),
        caller.post(f"/prediction/{small['id']}", content=iter([big[:2000], big[2000:]])),
        owner.post("/apikey", content=big, headers={"content-type": "application/json"}),
        owner.post(
            "/apikey", content=iter([big[:2000], big[2000:]]), headers={"content-type": "application/json"}
        ),
    ]
    assert {(r.status_code, r.json()["code"]) for r in calls} == {(413, "too_large")}


def test_cors_is_for_public_chatflows_only(server: Running, owner: Api, chatflow: dict) -> None:
    """Without credentials, and a preflight tells nothing of closed ones."""
    public = make_chatflow(owner, isPublic=True)
    ask = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    anyone = server.api()
    for path, open_ in ((public["id"], True), (chatflow["id"], False), (str(uuid.uuid4()), False)):
        preflight = anyone.options(f"/prediction/{path}", headers=ask)
        assert preflight.headers.get("access-control-allow-origin") == ("*" if open_ else None)
        assert "access-control-allow-credentials" not in preflight.headers
        response = anyone.post(f"/prediction/{path}", json={"question": "x"}, headers=ask)
        assert response.headers.get("access-control-allow-origin") == ("*" if open_ else None)


def test_concurrent_runs_do_not_wait_for_each_other(start, tmp_path) -> None:
    """A slow synchronous function runs in a thread; others are answered meanwhile."""
    (tmp_path / "slowflow.py").write_text(
        "import pathlib, time\n"
        "def answer(question, *, history, session_id):\n"
        "    pathlib.Path(question + '.begun').touch()\n"
        "    while not pathlib.Path(question).exists():\n"
        "        time.sleep(0.01)\n"
        "    return 'slow'\n"
    )
    import sys

    sys.path.insert(0, str(tmp_path))
    try:
        server = start(python_flows=("slowflow:answer",))
        owner = server.owner()
        from flowkeys.flows.drafts.templates import python_flow

        slow = make_chatflow(owner, flow_data=python_flow("slowflow:answer"))
        quick = make_chatflow(owner)
        key = make_key(owner, chatflowIds=[slow["id"], quick["id"]])
        answers: list[str] = []

        def ask_slowly() -> None:
            api = server.api(key["apiKey"])
            body = {"question": str(tmp_path / "go")}
            answers.append(api.post(f"/prediction/{slow['id']}", json=body).json()["text"])

        thread = threading.Thread(target=ask_slowly)
        thread.start()
        until((tmp_path / "go.begun").exists, "the slow function to begin")
        caller = server.api(key["apiKey"])
        done = [
            caller.post(f"/prediction/{quick['id']}", json={"question": "x"}).status_code for _ in range(20)
        ]
        assert done == [200] * 20
        assert thread.is_alive()
        (tmp_path / "go").touch()
        thread.join(PATIENCE_SECONDS)
        assert answers == ["slow"]
    finally:
        sys.path.remove(str(tmp_path))


def test_a_reply_that_is_only_a_truth_value_is_one(server: Running, owner: Api) -> None:
    """Whole and streamed; what is stored, shown and given by the SDK is a text."""
    flow = json.loads(echo("{{ startAgentflow_0.output.ephemeralMemory }}"))
    flow["nodes"][0]["data"]["inputs"]["startEphemeralMemory"] = True
    chatflow = make_chatflow(owner, flow_data=json.dumps(flow))
    key = bound_key(owner, chatflow)["apiKey"]
    path, body = f"/prediction/{chatflow['id']}", {"question": "x"}
    assert server.api(key).post(path, json=body).json()["text"] is True
    streamed = events(server.api(key).post(path, json={**body, "streaming": True}).text)
    assert [e["data"] for e in streamed if e["event"] == "token"] == [True]
    with flowkeys.Client(server.url, key) as sdk:
        said = sdk.predict(chatflow["id"], "x")
        assert (said.text, said.value) == ("true", True)
        with sdk.stream(chatflow["id"], "x") as stream:
            assert [e.text for e in stream if isinstance(e, events_of.Token)] == ["true"]
    kept = owner.get(f"/chatflows/{chatflow['id']}/messages").json()["data"]
    assert {m["content"] for m in kept if m["role"] == "apiMessage"} == {"true"}
