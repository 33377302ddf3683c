"""``/policy``: the policy of the workspace as people see and change it."""

from itertools import count

import pytest

from flowkeys.bootstrap import clock
from flowkeys.service.keys.rotations import NewRotation
from tests.pages.forms import browse, fields
from tests.pages.place import DAY, Place
from tests.support.flows import make_key
from tests.support.people import person
from tests.support.server import Api, Running

_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A workspace of the test's own."""
    return f"policy-pages-{next(_numbers)}"


@pytest.fixture
def pages(server: Running, name: str) -> Api:
    """An owner's browser."""
    return browse(server, person(server, workspace=name))


def test_the_policy_is_shown_and_saved(server: Running, pages: Api, name: str) -> None:
    """Every field comes back as it was saved, and a form from before is not saved over it."""
    owner = server.owner(name)
    before = fields(pages.get("/policy"))
    typed = before | {
        "expiryRequired": ["yes"],
        "maxLifetimeDays": ["90"],
        "maxKeysPerPerson": [""],
        "allowedIps": ["127.0.0.0/8\r\n::1, 10.0.0.1"],
    }
    assert pages.post("/policy", data=typed).status_code == 303
    policy = owner.get("/policy").json()
    assert (policy["expiryRequired"], policy["maxLifetimeDays"]) == (True, 90)
    assert policy["allowedIps"] == ["127.0.0.0/8", "::1", "10.0.0.1"]
    shown = fields(pages.get("/policy"))
    assert (shown["maxLifetimeDays"], shown["expiryRequired"]) == (["90"], ["yes"])
    stale = pages.post("/policy", data=typed)
    assert (stale.status_code, "changed after you opened" in stale.text) == (422, True)
    assert pages.post("/policy", data={"version": shown["version"]}).status_code == 303
    assert owner.get("/policy").json()["allowedIps"] == []


def test_what_is_wrong_is_said_beside_the_field(server: Running, pages: Api, name: str) -> None:
    """What was typed stays, and nothing is changed."""
    before = fields(pages.get("/policy"))
    refused = pages.post("/policy", data=before | {"maxLifetimeDays": ["many"], "rotateAfterDays": ["5"]})
    assert refused.status_code == 422
    assert 'id="maxLifetimeDays-error"' in refused.text
    assert fields(refused)["rotateAfterDays"] == ["5"]
    refused = pages.post("/policy", data=before | {"allowedIps": ["10.1.2.3/8"]})
    assert "The network is 10.0.0.0/8" in refused.text
    assert server.owner(name).get("/policy").json()["updatedAt"] is None


def test_keys_that_break_it_are_there_with_what_to_do(server: Running, pages: Api, name: str) -> None:
    """And the form of a key says which policy forbids what."""
    key = make_key(server.owner(name), "endless")
    form = fields(pages.get("/policy")) | {"expiryRequired": ["yes"]}
    assert pages.post("/policy", data=form).status_code == 303
    page = pages.get("/policy").text
    assert f"/keys/{key['id']}/edit" in page
    assert "The policy expiryRequired asks for an end" in page
    made = pages.post(
        "/keys/new",
        data=fields(pages.get("/keys/new")) | {"keyName": ["k"], "expires": ["never"], "do": ["save"]},
    )
    assert made.status_code == 422
    assert "The policy expiryRequired asks for an end" in made.text
    assert 'id="expiresAt-error"' in made.text


def test_who_may_only_see_it_sees_no_form(server: Running, name: str) -> None:
    """A member with the permission to view."""
    viewer = browse(server, person(server, "member", permissions=("policy:view",), workspace=name))
    page = viewer.get("/policy")
    assert page.status_code == 200
    assert "no limit" in page.text
    assert "Save policy" not in page.text
    assert viewer.post("/policy", data={"version": "0"}).status_code == 403


def test_a_key_that_is_due_is_marked_with_the_way_to_rotate_it(server: Running) -> None:
    """In the list and on its page, until it is rotated; not without such a policy. Viewers have no link."""
    place = Place(server)
    owner = browse(server, place.owner)
    key, young = place.key("Old"), place.key("Young")
    made_at = clock() - 40 * DAY
    with server.shell() as rows:
        rows.execute("UPDATE api_key SET created_at = ? WHERE id = ?", (made_at, key.id))
        rows.execute("UPDATE token SET created_at = ? WHERE key_id = ?", (made_at, key.id))
    link = f'href="/keys/{key.id}/rotate"'
    assert link not in owner.get("/keys").text
    place.post("/policy", place.owner, {"version": "0", "rotateAfterDays": "30"})
    found = owner.get("/keys").text
    assert link in found
    assert f'href="/keys/{young.id}/rotate"' not in found
    assert "40 days old" in owner.get(f"/keys/{key.id}").text
    viewer = browse(server, place.person("viewer")).get("/keys").text
    assert "To be rotated" in viewer
    assert link not in viewer
    server.do(place.keyring.rotations.begin(place.caller, key.id, NewRotation(grace_seconds=0)))
    assert link not in owner.get("/keys").text
    assert "days old" not in owner.get(f"/keys/{key.id}").text
