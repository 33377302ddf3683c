"""Variables on pages: made, changed, deleted, and what keeps one from being used."""

import pytest

from tests.pages.reading import browse, words
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running

HERE = "variables-on-pages"


@pytest.fixture(scope="module")
def who(server: Running) -> SignedIn:
    """An owner."""
    return person(server, workspace=HERE)


@pytest.fixture(scope="module")
def owner(server: Running) -> Api:
    """A key for everything there."""
    return server.owner(HERE)


def test_a_variable_is_made_changed_and_deleted(server: Running, who: SignedIn, owner: Api) -> None:
    """What is wrong is said at its field, with what was typed; a form twice makes one."""
    with browse(who) as pages:
        assert "No variables yet" in words(pages.get("/variables"))
        once = pages.get("/variables/new").text.split('name="form" value="')[1].split('"')[0]
        refused = pages.post("/variables/new", data={"form": once, "name": "a b", "value": "Rome"})
        assert refused.status_code == 422
        assert "letters, digits and underscores" in refused.text
        assert ">Rome</textarea>" in refused.text
        fields = {"form": once, "name": "city", "type": "static", "value": "Rome"}
        assert [pages.post("/variables/new", data=fields).status_code for _ in range(2)] == [303, 303]
        (one,) = owner.get("/variables").json()
        assert (one["name"], one["value"]) == ("city", "Rome")
        assert "city Rome" in words(pages.get("/variables"))
        edit = f"/variables/{one['id']}/edit"
        assert 'value="city"' in pages.get(edit).text
        changed = {"version": "1", "name": "city", "type": "runtime", "value": ""}
        assert pages.post(edit, data=changed).status_code == 303
        assert "FLOWKEYS_RUNTIME_VARIABLES" in pages.get("/variables").text
        assert "was changed after you opened" in words(pages.post(edit, data={**changed, "name": "town"}))
        assert "Delete this variable?" in words(pages.get(f"/variables/{one['id']}/delete"))
        assert pages.post(f"/variables/{one['id']}/delete", data={"nothing": ""}).status_code == 303
    assert owner.get("/variables").json() == []
    with browse(person(server, "viewer", workspace=HERE)) as pages:
        assert pages.get("/variables").status_code == 403
