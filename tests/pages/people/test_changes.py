"""Changing and removing people: what each may do then, and what becomes of the keys of who leaves."""

import pytest

from flowkeys.domain.people.person import MEMBER_PERMISSIONS, VIEWER_PERMISSIONS
from tests.pages.forms import fields, offered
from tests.pages.people.team import Team, row
from tests.pages.reading import links, words
from tests.support.people import PASSWORD
from tests.support.server import Running


@pytest.fixture
def team(server: Running) -> Team:
    """A workspace of its own."""
    return Team(server)


def test_a_person_is_made_something_else(team: Team) -> None:
    """At their next click they may do what they may do now."""
    bob = team.add("member", name="Bob")
    path = f"/people/{bob.person.id}"
    form = fields(team.pages.get(path))
    assert form["role"] == ["member"]
    answer = team.pages.post(path, data={**form, "role": "viewer"})
    assert answer.headers["location"] == "/people"
    assert "Bob is a viewer now." in words(team.pages.get("/people"))
    assert team.held(bob) == VIEWER_PERMISSIONS
    assert team.browser(bob).get("/keys/new").status_code == 403
    team.pages.post(path, data={**fields(team.pages.get(path)), "role": "owner"})
    assert "Bob is an owner now." in words(team.pages.get("/people"))
    assert team.held(bob) == {"*"}


def test_a_members_permissions_are_changed(team: Team) -> None:
    """The boxes show what they hold; what is ticked off is gone."""
    bob = team.add("member", permissions=("apikeys:view", "apikeys:create", "chatflows:view"))
    path = f"/people/{bob.person.id}"
    form = fields(team.pages.get(path))
    assert set(form["permissions"]) == {"apikeys:view", "apikeys:create", "chatflows:view"}
    team.pages.post(path, data={**form, "permissions": ["apikeys:view"]})
    assert team.held(bob) == {"apikeys:view"}
    team.pages.post(path, data={"role": "member", "version": "2"})
    assert team.held(bob) == set()


def test_what_somebody_else_changed_meanwhile_is_not_undone(team: Team) -> None:
    """The form is shown again, and a second look is asked for."""
    bob = team.add("member")
    path = f"/people/{bob.person.id}"
    old = fields(team.pages.get(path))
    team.pages.post(path, data={**old, "role": "viewer"})
    for version in (old["version"], ["0"], ["x"], ["9" * 5000], [""]):
        answer = team.pages.post(path, data={**old, "role": "owner", "version": version})
        assert answer.status_code == 422
        assert "Somebody changed this person meanwhile." in words(answer)
    assert team.held(bob) == VIEWER_PERMISSIONS


def test_nobody_gives_more_than_they_hold(team: Team) -> None:
    """What one may not give is not offered, and refused when it is sent all the same."""
    carl = team.add("member", name="Carl", permissions=("users:manage", "apikeys:view"))
    dora = team.add("member", permissions=("apikeys:view",))
    browser = team.browser(carl)
    page = browser.get("/people/invite")
    assert offered(page, "role") == ["member"]
    assert set(offered(page, "permissions")) == {"users:manage", "apikeys:view"}
    for form in (
        {"role": "owner"},
        {"role": "viewer"},
        {"role": "member", "permissions": ["apikeys:create"]},
    ):
        email = f"more-{team.place.name}@example.com"
        answer = browser.post("/people/invite", data={"email": email, **form})
        assert answer.status_code == 403
        assert "more than you do" in words(answer)
        for who in (dora, carl):
            changed = browser.post(f"/people/{who.person.id}", data={**form, "version": "1"})
            assert changed.status_code == 403
    assert team.held(dora) == {"apikeys:view"}
    assert team.held(carl) == {"users:manage", "apikeys:view"}


def test_nobody_changes_or_removes_whoever_holds_more(team: Team) -> None:
    """There is no button, and sending it all the same is refused in words."""
    carl = team.add("member", name="Carl", permissions=("users:manage", "apikeys:view"))
    bob = team.add("member", name="Bob")
    browser = team.browser(carl)
    page = browser.get("/people")
    for name in ("Ada", "Bob"):
        assert "<a class" not in row(page, name)
    for who in (team.ada, bob):
        path = f"/people/{who.person.id}"
        assert browser.post(path, data={"role": "member", "version": "1"}).status_code == 403
        refused = browser.post(f"{path}/remove", data={"x": ""})
        assert refused.status_code == 403
        assert "more than you do" in words(refused)
    assert team.held(team.ada) == {"*"}
    assert team.held(bob) == MEMBER_PERMISSIONS


def test_permissions_that_one_cannot_give_stay_with_whoever_has_them(team: Team) -> None:
    """Only boxes that were on the page take something away."""
    carl = team.add("member", permissions=("users:manage", "apikeys:view", "chatflows:view"))
    bob = team.add("member", permissions=("apikeys:view", "chatflows:view"))
    form = {"role": "member", "permissions": ["apikeys:view"], "version": "1"}
    assert team.browser(carl).post(f"/people/{bob.person.id}", data=form).status_code == 303
    assert team.held(bob) == {"apikeys:view"}


def test_the_last_owner_stays(team: Team) -> None:
    """Removing them is not offered; it and demoting them are refused in words."""
    assert "/remove" not in row(team.pages.get("/people"), "Ada")
    path = f"/people/{team.ada.person.id}"
    for answer in (
        team.pages.post(path, data={"role": "viewer", "version": "1"}),
        team.pages.post(f"{path}/remove", data={"x": ""}),
    ):
        assert answer.status_code == 422
        assert "This is the last owner. Make somebody else an owner first." in words(answer)
    assert team.held(team.ada) == {"*"}
    team.add("owner")
    assert "/remove" in row(team.pages.get("/people"), "Ada")


def test_whoever_is_removed_is_out_at_the_next_click(team: Team) -> None:
    """And cannot sign in again."""
    bob = team.add("member", name="Bob")
    browser = team.browser(bob)
    assert browser.get("/keys").status_code == 200
    page = team.pages.get(f"/people/{bob.person.id}/remove")
    assert "There are no keys that they made and that work." in words(page)
    assert team.pages.post(f"/people/{bob.person.id}/remove", data={"x": ""}).headers["location"] == "/people"
    assert "Bob was removed." in words(team.pages.get("/people"))
    assert browser.get("/keys").status_code == 303
    form = {"email": bob.person.email, "password": PASSWORD}
    assert browser.post("/sign-in", data=form).status_code == 422
    assert team.pages.get(f"/people/{bob.person.id}").status_code == 404


def test_the_keys_of_whoever_leaves_go_on_unless_they_are_revoked(team: Team) -> None:
    """The page says how many and shows them; afterwards they are shown again."""
    bob = team.add("member", name="Bob")
    key = team.key(bob, "Bob's key")
    page = team.pages.get(f"/people/{bob.person.id}/remove")
    assert "Keys that they made go on working: 1 key" in words(page)
    assert f"/keys?createdBy={bob.person.id}" in links(page)
    answer = team.pages.post(f"/people/{bob.person.id}/remove", data={"x": ""})
    assert answer.headers["location"] == f"/keys?createdBy={bob.person.id}"
    after = team.pages.get(answer.headers["location"])
    assert "These keys that they made still work." in words(after)
    assert "Bob's key" in words(after)
    assert team.works(key)


def test_the_keys_of_whoever_leaves_are_revoked_when_that_is_asked_for(team: Team) -> None:
    """All of them, and nobody else's."""
    bob = team.add("member", name="Bob")
    keys = [team.key(bob, f"key {n}") for n in range(3)]
    other = team.key(team.ada, "Ada's key")
    answer = team.pages.post(f"/people/{bob.person.id}/remove", data={"revokeKeys": "yes"})
    assert answer.headers["location"] == "/people"
    assert "Bob was removed. 3 keys revoked." in words(team.pages.get("/people"))
    assert [team.works(key) for key in (*keys, other)] == [False, False, False, True]


def test_keys_above_the_remover_are_left_and_it_is_said(team: Team) -> None:
    """Somebody else raised a key since: it is not the remover's to revoke."""
    carl = team.add("member", permissions=("users:manage", "apikeys:view", "apikeys:delete"))
    bob = team.add("member", name="Bob", permissions=("apikeys:view",))
    made = team.place.key(
        "raised", permissions=("chatflows:view",), by=bob.person.as_principal().as_creator()
    )
    browser = team.browser(carl)
    answer = browser.post(f"/people/{bob.person.id}/remove", data={"revokeKeys": "yes"})
    assert answer.headers["location"] == f"/keys?createdBy={bob.person.id}"
    said = words(browser.get(answer.headers["location"]))
    assert "Bob was removed. The keys were not revoked." in said
    assert team.place.stored(made).status.value == "active"


def test_an_owner_removes_themselves(team: Team) -> None:
    """When there is another: they are out at once, and their keys go when they asked for it."""
    other = team.add("owner")
    key = team.key(other, "Theirs")
    browser = team.browser(other)
    page = browser.get(f"/people/{other.person.id}/remove")
    assert "This is you." in words(page)
    assert "Keys that you made go on working: 1 key" in words(page)
    answer = browser.post(f"/people/{other.person.id}/remove", data={"revokeKeys": "yes"})
    assert answer.headers["location"] == "/sign-in"
    assert "Your account was removed. 1 key revoked." in words(browser.get("/sign-in"))
    assert not team.works(key)
    assert browser.get("/people").status_code == 303


def test_whoever_gives_up_managing_people_is_led_elsewhere(team: Team) -> None:
    """Their own page of people is none any more."""
    other = team.add("owner", name="Other")
    browser = team.browser(other)
    answer = browser.post(f"/people/{other.person.id}", data={"role": "viewer", "version": "1"})
    assert answer.headers["location"] == "/"
    assert "Other is a viewer now." in words(browser.get("/keys"))


@pytest.mark.parametrize("path", ["", "/remove"])
def test_a_person_who_is_not_there_has_no_page(team: Team, path: str) -> None:
    """Nor does somebody of another workspace."""
    stranger = Team(team.server).ada.person.id
    for person_id in ("x", stranger):
        assert team.pages.get(f"/people/{person_id}{path}").status_code == 404
        form = {"role": "viewer", "version": "1"}
        assert team.pages.post(f"/people/{person_id}{path}", data=form).status_code == 404
