"""A person names which of the server's credentials the models of a chatflow use, beside its graph."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pages.chatflows.new_chatflow import Browser, text
from tests.support.flows import MODEL_NODES, OTHERS, bound_key, edge, make_chatflow, node, with_models
from tests.support.people import person
from tests.support.server import Api, Running

ONE, TWO = MODEL_NODES
KEYS = {
    name: {"base_url": f"https://{name}.example/v1", "api_key": f"sk-{name}"} for name in ("main", "spare")
}


@pytest.fixture(scope="module")
def keyed(serve: Callable[..., Running]) -> Running:
    """A server whose operator named two credentials."""
    return serve(credentials=KEYS)


@pytest.fixture(scope="module")
def boss(keyed: Running) -> Api:
    """Its owner."""
    return keyed.owner()


@pytest.mark.parametrize("foreign", ["FLOWISE_CREDENTIAL_ID", "credential"])
@pytest.mark.parametrize(
    ("names", "named"),
    [
        ({"*": "main"}, {ONE: "main", TWO: "main"}),
        ({ONE: "main", TWO: "spare"}, {ONE: "main", TWO: "spare"}),
        ({"Writer": "main", "Critic": "spare"}, {ONE: "main", TWO: "spare"}),
        ({TWO: "spare", "*": "main"}, {ONE: "main", TWO: "spare"}),
        ({"*": "main", "Critic": None}, {ONE: "main"}),
    ],
)
def test_models_use_what_was_named_and_the_graph_stays(
    boss: Api, names: dict[str, str | None], named: dict[str, str], foreign: str
) -> None:
    """By the node's id, its label, or for all; at the first call and later; to the byte."""
    data = with_models("Writer", "Critic", foreign=foreign)
    at_once = make_chatflow(boss, flow_data=data, credentials=names)
    later = make_chatflow(boss, flow_data=data)
    assert not later["runnable"]
    assert OTHERS in " ".join(later["problems"])
    later = boss.put(f"/chatflows/{later['id']}", json={"credentials": names}).json()
    for made in (at_once, later, boss.get(f"/chatflows/{at_once['id']}").json()):
        assert made["credentials"] == named
        assert made["flowData"] == data
        assert made["runnable"] is (len(named) == 2)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"*": "nobody's"}, 'no credential named "nobody\'s"; it has main, spare.'),
        ({ONE: "sk-main"}, "no credential named 'sk-main'"),
        ({"Reader": "main"}, f"no node 'Reader' that uses a credential; those that do are: {ONE}, {TWO}."),
        ({"startAgentflow_0": "main"}, "no node 'startAgentflow_0' that uses a credential"),
        ({"Twin": "main"}, f"Several nodes are called 'Twin': give an id ({ONE}, {TWO})."),
        ({ONE: 5}, ""),
        (["main"], ""),
        ("main", ""),
    ],
)
def test_what_cannot_be_named_is_refused(boss: Api, names: object, said: str) -> None:
    """422 that says what there is; nothing is stored."""
    made = make_chatflow(boss, flow_data=with_models("Twin", "Twin"))
    answer = boss.put(f"/chatflows/{made['id']}", json={"credentials": names})
    assert answer.status_code == 422, answer.text
    assert {error["field"].partition(".")[0] for error in answer.json()["errors"]} == {"credentials"}
    assert said in answer.text.replace('\\"', '"')
    assert boss.get(f"/chatflows/{made['id']}").json()["credentials"] == {}


def test_naming_is_whole_and_follows_the_graph(boss: Api) -> None:
    """What is sent replaces what was named; a new graph keeps what its nodes still have."""
    made = make_chatflow(boss, flow_data=with_models("Writer", "Critic"), credentials={"*": "main"})
    path = f"/chatflows/{made['id']}"
    whole = boss.get(path).json()
    assert boss.put(path, json={**whole, "name": "Other"}).json()["credentials"] == whole["credentials"]
    assert boss.put(path, json={"flowData": with_models("Writer")}).json()["credentials"] == {ONE: "main"}
    assert boss.put(path, json={"credentials": {ONE: "spare"}}).json()["credentials"] == {ONE: "spare"}
    cleared = boss.put(path, json={"credentials": {}})
    assert (cleared.json()["credentials"], cleared.json()["runnable"]) == ({}, False)
    assert "sk-" not in cleared.text


def test_naming_needs_what_changing_a_chatflow_needs(keyed: Running, boss: Api) -> None:
    """Whoever may only look, or calls the chatflow, names nothing."""
    made = make_chatflow(boss, flow_data=with_models("Writer"))
    viewer = keyed.api(keyed.key("viewer", ("chatflows:view",))["apiKey"])
    caller = keyed.api(bound_key(boss, made)["apiKey"])
    for api in (viewer, caller):
        assert api.put(f"/chatflows/{made['id']}", json={"credentials": {"*": "main"}}).status_code == 403
    assert boss.get(f"/chatflows/{made['id']}").json()["credentials"] == {}


def test_a_credential_that_is_gone_is_said_where_the_chatflow_is_shown(tmp_path: Path) -> None:
    """After the operator took it out: the chatflow cannot run, and the page shows what was named."""
    folder = tmp_path / "data"
    first = Running(folder, credentials=KEYS).start()
    made = make_chatflow(first.owner(), flow_data=with_models("Writer"), credentials={"*": "spare"})
    first.stop()
    second = Running(folder, credentials={"main": KEYS["main"]}).start()
    try:
        found = second.owner().get(f"/chatflows/{made['id']}").json()
        assert (found["runnable"], found["credentials"]) == (False, {ONE: "spare"})
        assert "no credential named 'spare'" in " ".join(found["problems"])
        put_back = second.owner().put(f"/chatflows/{made['id']}", json=found)
        assert put_back.status_code == 200, put_back.text
        page = Browser(second, person(second, "member")).get(f"/chatflows/{made['id']}/credentials")
        assert "spare (not on this server)" in text(page)
    finally:
        second.stop()


def test_credentials_are_named_on_pages(keyed: Running, boss: Api) -> None:
    """At import for all models, and later for each; a viewer is not asked."""
    plain = Browser(keyed, person(keyed, "member"))
    data = with_models("Writer", "Critic")
    answer = plain.make("export", [("Two.json", data.encode())], credential="main")
    path = answer.headers["location"].partition("?")[0]
    made = boss.get(path).json()
    assert (made["credentials"], made["flowData"]) == ({ONE: "main", TWO: "main"}, data)
    assert f'href="{path}/credentials"' in plain.get(path).text
    form = plain.get(f"{path}/credentials")
    assert "Writer (chatOpenAI)" in text(form)
    sent = plain.post(f"{path}/credentials", data={f"credential:{ONE}": "spare", f"credential:{TWO}": ""})
    assert sent.status_code == 303
    assert boss.get(path).json()["credentials"] == {ONE: "spare"}
    wrong = plain.post(f"{path}/credentials", data={f"credential:{ONE}": "nobody"})
    assert (wrong.status_code, "no credential named 'nobody'" in text(wrong)) == (422, True)
    viewer = Browser(keyed, person(keyed, "viewer"))
    assert viewer.get(f"{path}/credentials").status_code == 403
    assert "/credentials" not in viewer.get(path).text


def test_a_node_that_calls_a_service_is_given_its_credential_by_name(keyed: Running, boss: Api) -> None:
    """For itself alone: one for all models is none for services, and an export says nothing of theirs."""
    graph = json.loads(with_models("Writer"))
    inputs = {"method": "GET", "url": "https://up.example/x", "FLOWISE_CREDENTIAL_ID": OTHERS}
    graph["nodes"].append(node("httpAgentflow_0", "Service", inputs))
    graph["edges"].append(edge(ONE, "httpAgentflow_0", "0"))
    held = {"name": "service", "credentialName": "httpBearerToken", "plainDataObj": {"token": "t"}}
    boss.post("/credentials", json={**held, "baseUrl": "https://up.example"}).raise_for_status()
    made = make_chatflow(boss, flow_data=json.dumps(graph), credentials={"*": "main"})
    assert made["problems"] == [f"Service: this server has no credential named {OTHERS!r}."]
    path = f"/chatflows/{made['id']}"
    assert "Service (its calls)" in text(Browser(keyed, person(keyed, "member")).get(f"{path}/credentials"))
    named = boss.put(path, json={"credentials": {"*": "main", "Service": "service"}}).json()
    assert (named["runnable"], named["credentials"]) == (True, {ONE: "main", "httpAgentflow_0": "service"})
    again = boss.put(path, json={"credentials": {"*": "spare"}}).json()
    assert again["credentials"] == {ONE: "spare", "httpAgentflow_0": "service"}
    wrong = boss.put(path, json={"credentials": {"*": "main", "Service": "main"}}).json()
    assert wrong["problems"] == ["Service: the credential 'main' is for models alone."]


def test_a_chatflow_without_models_has_none_to_name(keyed: Running, boss: Api) -> None:
    """A credential for all of its models changes nothing, and there is no page to reach."""
    made = make_chatflow(boss, credentials={"*": "main"})
    assert made["credentials"] == {}
    plain = Browser(keyed, person(keyed, "member"))
    assert "/credentials" not in plain.get(f"/chatflows/{made['id']}").text
    assert "None of its nodes uses a credential" in text(plain.get(f"/chatflows/{made['id']}/credentials"))
