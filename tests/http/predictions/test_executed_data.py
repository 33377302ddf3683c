"""``executedData``: written, refused, shown, and kept to by every way in."""

import pytest

from tests.pages.reading import browse, words
from tests.support.flows import bound_key, events, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running

OUTLINE = {"nodeId", "nodeLabel", "kind", "status", "previousNodeIds"}
FULL = {"nodeId", "nodeLabel", "data", "status", "previousNodeIds"}
SHAPES = {"full": FULL, "outline": OUTLINE, "none": set()}


def seen(api: Api, chatflow: dict) -> set[str]:
    """Return the members of the entries that a caller sees, the same whole and streamed."""
    path = f"/prediction/{chatflow['id']}"
    whole = api.post(path, json={"question": "hi"}).json()
    assert whole["text"] == "You said: hi"
    assert ("agentFlowExecutedData" in whole) == bool(whole.get("agentFlowExecutedData"))
    streamed = events(api.post(path, json={"question": "hi", "streaming": True}).text)
    lists = [e["data"] for e in streamed if e["event"] == "agentFlowExecutedData"]
    assert "".join(e["data"] for e in streamed if e["event"] == "token") == "You said: hi"
    found = {
        frozenset(entry) for entries in [*lists, whole.get("agentFlowExecutedData", [])] for entry in entries
    }
    assert bool(lists) == ("agentFlowExecutedData" in whole)
    assert len(found) <= 1
    return set(*found)


@pytest.mark.parametrize("field", [None, "full", "outline", "none"])
def test_every_caller_sees_what_is_said(server: Running, owner: Api, field: str | None) -> None:
    """A key, one with ``executions:view``, and on a public chatflow anyone."""
    chatflow = make_chatflow(owner, executedData=field)
    assert chatflow["executedData"] == field
    key = server.api(bound_key(owner, chatflow)["apiKey"])
    may = make_key(owner, chatflowIds=[chatflow["id"]], permissions=["executions:view"])
    assert seen(key, chatflow) == SHAPES[field or "outline"]
    assert seen(server.api(may["apiKey"]), chatflow) == SHAPES[field or "full"]
    owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
    assert seen(server.api(), chatflow) == SHAPES[field or "none"]


def test_a_change_holds_from_the_next_call_on(server: Running, owner: Api) -> None:
    """And the whole chatflow can be put back."""
    chatflow = make_chatflow(owner)
    api = server.api(bound_key(owner, chatflow)["apiKey"])
    path = f"/chatflows/{chatflow['id']}"
    for field in ("none", "full", "outline", None):
        changed = owner.put(path, json={"executedData": field}).json()
        assert changed["executedData"] == field
        assert owner.put(path, json=changed).json()["executedData"] == field
        assert seen(api, chatflow) == SHAPES[field or "outline"]


@pytest.mark.parametrize("field", ["", "all", "Full", 1, True, ["full"], {}])
def test_anything_else_is_refused(owner: Api, field: object) -> None:
    """By name, with what could be given; nothing is stored."""
    chatflow = make_chatflow(owner, executedData="none")
    response = owner.put(f"/chatflows/{chatflow['id']}", json={"executedData": field, "name": "other"})
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "executedData", "message": "Give one of full, outline, none, or null."}
    ]
    stored = owner.get(f"/chatflows/{chatflow['id']}").json()
    assert (stored["executedData"], stored["name"]) == ("none", chatflow["name"])


def test_it_is_chosen_on_the_chatflow_s_page(server: Running, owner: Api) -> None:
    """The page says what callers see; another choice is saved, and nonsense is not."""
    chatflow = make_chatflow(owner, "Seen")
    here = f"/chatflows/{chatflow['id']}"
    with browse(person(server)) as browser:
        assert "callers see as much as fits who calls of the run" in words(browser.get(here))
        form = browser.get(f"{here}/executed-data").text
        assert all(f'value="{value}"' in form for value in ("", "full", "outline", "none"))
        assert browser.post(f"{here}/executed-data", data={"executedData": "none"}).status_code == 303
        assert "callers see nothing of the run" in words(browser.get(here))
        assert browser.post(f"{here}/executed-data", data={"executedData": "x"}).status_code == 422
    assert owner.get(here).json()["executedData"] == "none"
