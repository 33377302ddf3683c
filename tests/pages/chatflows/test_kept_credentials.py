"""The pages of credentials: what they hold goes in and never comes out."""

from typing import Any

import pytest

from tests.flows.support import chain, node
from tests.pages.forms import browse, fields
from tests.support.people import person
from tests.support.server import Api, Running

NAME = "kept-credentials"
USER, WORD = "user-of-a-test", "word-of-a-test"


@pytest.fixture(scope="module")
def pages(server: Running) -> Api:
    """An owner's browser."""
    return browse(server, person(server, workspace=NAME))


@pytest.fixture(scope="module")
def owner(server: Running) -> Api:
    """A key for everything there."""
    return server.owner(NAME)


def _only(owner: Api) -> Any:
    (one,) = owner.get("/credentials").json()
    return one


def test_a_credential_is_made_changed_and_deleted(owner: Api, pages: Api) -> None:
    """By its kind; an empty field keeps what it holds, and what is wrong is said beside it."""
    assert "No credentials yet" in pages.get("/credentials").text
    assert "HTTP basic" in pages.get("/credentials/new").text
    asked = pages.get("/credentials/new?kind=httpBasicAuth")
    assert "Basic Auth Username" in asked.text
    form = {**fields(asked), "name": ["kept"], "baseUrl": ["https://api.example.com"]}
    refused = pages.post("/credentials/new", data={**form, "basicAuthUsername": [USER]})
    assert refused.status_code == 422
    assert "Give a text that is not empty." in refused.text
    assert USER not in refused.text
    both = {"basicAuthUsername": [USER], "basicAuthPassword": [WORD]}
    made = pages.post("/credentials/new", data={**form, **both})
    assert made.status_code == 303, made.text
    again = pages.post("/credentials/new", data={**form, **both})
    assert again.status_code == 303
    one = _only(owner)
    llm = node("llmAgentflow_0", {"llmModel": "chatOpenAI", "llmModelConfig": {"credential": "kept"}})
    body = {"name": "names what is kept", "type": "AGENTFLOW", "flowData": chain(llm)}
    assert owner.post("/chatflows", json=body).status_code == 201
    listed = pages.get("/credentials").text
    assert "https://api.example.com" in listed
    edit = f"/credentials/{one['id']}/edit"
    shown = pages.get(edit)
    assert "names what is kept" in shown.text
    kept = {**fields(shown), "name": ["renamed"]}
    assert pages.post(edit, data=kept).status_code == 303
    assert (_only(owner)["name"], _only(owner)["problem"]) == ("renamed", None)
    old = pages.post(edit, data=kept)
    assert old.status_code == 422
    assert "was changed after you opened this form" in old.text
    moved = {**fields(pages.get(edit)), "baseUrl": ["https://other.example.com"]}
    assert pages.post(edit, data=moved).status_code == 303
    assert "cannot be used" in pages.get("/credentials").text
    assert pages.post(edit, data={**fields(pages.get(edit)), **both}).status_code == 303
    assert _only(owner)["problem"] is None
    for path in ("/credentials", edit, f"/credentials/{one['id']}/delete"):
        assert WORD not in pages.get(path).text
    question = pages.get(f"/credentials/{one['id']}/delete")
    assert "This cannot be undone" in question.text
    deleted = pages.post(f"/credentials/{one['id']}/delete", data={"sent": ["yes"]})
    assert deleted.status_code == 303
    assert owner.get("/credentials").json() == []


def test_who_may_look_may_not_change(server: Running) -> None:
    """Buttons are those of what one may do; a member without the permission finds no page."""
    viewer = browse(server, person(server, workspace=NAME, role="viewer"))
    assert viewer.get("/credentials").status_code == 403
    assert "/credentials" not in viewer.get("/account").text
