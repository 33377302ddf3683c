"""Variables over HTTP: written, shown, and what they stand for in chatflows."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.flows import bound_key, echo, make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.waiting import until

TEXT = "{{ $vars.city }} {{ $vars.set }} {{ $vars.READABLE }} {{ $vars.HIDDEN }}"
UNSET = "{{ $vars.city }} operator's {{ $vars.READABLE }} {{ $vars.HIDDEN }}"


@pytest.fixture(scope="module")
def place(serve: Callable[..., Running]) -> Running:
    """A server whose operator set a variable, and lets flows read one of its environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("READABLE", "from outside")
        patch.setenv("HIDDEN", "the server's own")
        return serve(variables={"set": "operator's"}, runtime_variables=("READABLE", "NOT_THERE"))


def asking(place: Running, owner: Api) -> Callable[[], str]:
    """Return what asks a chatflow of a workspace that names variables."""
    chatflow = make_chatflow(owner, flow_data=echo(TEXT))
    api = place.api(bound_key(owner, chatflow)["apiKey"])
    return lambda: api.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).json()["text"]


def make(owner: Api, name: str, **members: Any) -> dict[str, Any]:
    """Make a variable."""
    response = owner.post("/variables", json={"name": name, **members})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def test_a_variable_is_written_and_read_at_the_next_call(place: Running) -> None:
    """Made, changed, put back whole and deleted; the operator's own wins."""
    owner = place.owner()
    text = asking(place, owner)
    assert text() == UNSET
    city, own = make(owner, "city", value="Rome"), make(owner, "set", value="ours")
    assert (city["type"], city["value"]) == ("static", "Rome")
    assert text() == UNSET.replace("{{ $vars.city }}", "Rome")
    assert [each["name"] for each in owner.get("/variables").json()] == ["city", "set"]
    path = f"/variables/{city['id']}"
    assert owner.get(path).json() == city
    changed = owner.put(path, json={**city, "value": "Ulm"}).json()
    assert text() == UNSET.replace("{{ $vars.city }}", "Ulm")
    assert owner.put(path, json=changed).json() == changed
    assert owner.put(path, json={**changed, "createdDate": "x"}).status_code == 422
    assert owner.delete(path).json() == {"raw": [], "affected": 1}
    assert owner.get(path).status_code == 404
    owner.delete(f"/variables/{own['id']}")
    assert text() == UNSET


def test_the_environment_is_read_where_the_operator_lists_it(place: Running) -> None:
    """And nowhere else, whoever may write variables; what is not there stands for nothing."""
    owner = place.owner()
    text = asking(place, owner)
    made = [make(owner, name, type="runtime", value="kept?") for name in ("READABLE", "HIDDEN", "NOT_THERE")]
    assert [each["value"] for each in made] == ["", "", ""]
    assert text() == UNSET.replace("{{ $vars.READABLE }}", "from outside")
    path = f"/variables/{made[0]['id']}"
    assert owner.put(path, json={"type": "static", "value": "now ours"}).status_code == 200
    assert text() == UNSET.replace("{{ $vars.READABLE }}", "now ours")
    for each in made:
        owner.delete(f"/variables/{each['id']}")


def test_another_workspace_has_its_own(place: Running) -> None:
    """The same name is another variable there, and nobody sees ours."""
    one, two = place.owner(), place.owner("variables elsewhere")
    mine = make(one, "city", value="Rome")
    make(two, "city", value="Oslo")
    assert asking(place, one)().startswith("Rome ")
    assert asking(place, two)().startswith("Oslo ")
    assert two.get(f"/variables/{mine['id']}").status_code == 404
    one.delete(f"/variables/{mine['id']}")


def test_a_change_elsewhere_is_heard_of(place: Running) -> None:
    """Written by another process: the feed tells, and the next calls know."""
    owner = place.owner()
    text = asking(place, owner)
    made = make(owner, "city", value="Rome")
    assert text().startswith("Rome ")
    rows = place.shell()
    rows.execute("UPDATE variable SET value = 'Bern' WHERE id = ?", (made["id"],))
    rows.execute(
        "INSERT INTO change (subject, subject_id, version, at, workspace_id) "
        "SELECT 'variable', id, version, updated_at, workspace_id FROM variable WHERE id = ?",
        (made["id"],),
    )
    rows.close()
    until(lambda: text().startswith("Bern "), "the change to be heard of")
    owner.delete(f"/variables/{made['id']}")


def test_what_is_wrong_is_named(place: Running) -> None:
    """Each field; a name twice; and what permissions open."""
    owner = place.owner()
    made = make(owner, "taken", value="x")
    for members, field in (
        ({"name": ""}, "name"),
        ({"name": "a.b"}, "name"),
        ({"name": "1a"}, "name"),
        ({"name": "a" * 256}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "a", "type": "secret"}, "type"),
        ({"name": "a", "value": "x" * 10_001}, "value"),
    ):
        refused = owner.post("/variables", json=members)
        assert refused.status_code == 422, members
        assert [error["field"] for error in refused.json()["errors"]] == [field], members
    viewer = place.api(make_key(owner, permissions=["variables:view"])["apiKey"])
    assert viewer.get("/variables").status_code == 200
    assert viewer.post("/variables", json={"name": "b"}).status_code == 403
    assert viewer.put(f"/variables/{made['id']}", json={"value": "y"}).status_code == 403
    assert viewer.delete(f"/variables/{made['id']}").status_code == 403
    owner.delete(f"/variables/{made['id']}")
