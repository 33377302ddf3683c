"""``/people``: who is here, what each may do, and who is invited."""

import re
from typing import Any

import pytest

from flowkeys.domain.people.person import MEMBER_PERMISSIONS
from tests.pages.forms import browse, fields
from tests.pages.people.team import Team, invited, row
from tests.pages.reading import links, words
from tests.support.people import PASSWORD
from tests.support.server import Running

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def team(server: Running) -> Team:
    """A workspace of its own."""
    return Team(server)


def test_people_are_listed_with_what_they_may_do(team: Team) -> None:
    """Name, email, role, permissions in words, when they were last here, and who one is oneself."""
    bob = team.add("member", name="Bob", permissions=("apikeys:view", "apikeys:create"))
    vera = team.add("viewer", name="Vera")
    page = team.pages.get("/people")
    assert "Everything" in row(page, "Ada")
    assert ">you<" in row(page, "Ada")
    for part in (bob.person.email, "Member", "API keys: view, create", "just now"):
        assert part in row(page, "Bob"), part
    assert "Viewer" in row(page, "Vera")
    assert vera.person.email in row(page, "Vera")
    assert ">you<" not in row(page, "Bob") + row(page, "Vera")


def test_the_keys_that_somebody_made_are_counted_and_shown(team: Team) -> None:
    """Those that are revoked are not; the link leads to the list of them."""
    bob = team.add("member", name="Bob")
    keys = [team.key(bob, f"key {n}") for n in range(3)]
    team.browser(bob).post(f"/keys/{keys[0]['id']}/revoke", data={"confirm": ""})
    page = team.pages.get("/people")
    assert f'href="/keys?createdBy={bob.person.id}">2 keys</a>' in row(page, "Bob")
    assert "none" in row(page, "Ada")
    assert team.place.names(f"?createdBy={bob.person.id}", team.ada) == ["key 2", "key 1"]


def test_who_may_not_see_keys_is_told_no_number_of_them(team: Team) -> None:
    """Neither that there are some, nor that there are none."""
    team.key(team.ada, "a key")
    carl = team.add("member", name="Carl", permissions=("users:manage",))
    page = team.browser(carl).get("/people")
    assert "not shown" in row(page, "Ada")
    assert "createdBy" not in page.text
    remove = team.browser(carl).get(f"/people/{carl.person.id}/remove")
    assert "If you made keys, those go on working." in words(remove)
    assert "revokeKeys" not in remove.text


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_people_are_a_matter_of_those_who_manage_them(team: Team, role: str) -> None:
    """Nobody else sees a link to them, or them."""
    somebody = team.browser(team.add(role))
    assert "/people" not in links(somebody.get("/account"))
    for path in ("/people", "/people/invite", f"/people/{team.ada.person.id}"):
        assert somebody.get(path).status_code == 403


def test_names_and_addresses_are_text(team: Team) -> None:
    """On every page that shows them."""
    bob = team.add("member", name=HOSTILE, email="<b>@example.com")
    team.pages.post("/people/invite", data={"email": "<i>@example.com", "role": "viewer"})
    for path in ("/people", f"/people/{bob.person.id}", f"/people/{bob.person.id}/remove"):
        page = team.pages.get(path)
        for part in (HOSTILE, "<b>", "<i>"):
            assert part not in page.text
        assert HOSTILE in words(page) or "&lt;img" in page.text


@pytest.mark.parametrize("role", ["owner", "member", "viewer"])
def test_somebody_is_invited(team: Team, role: str) -> None:
    """The link is shown once, to be sent; who opens it becomes what was chosen."""
    form = fields(team.pages.get("/people/invite"))
    assert form["role"] == ["member"]
    assert set(form["permissions"]) == MEMBER_PERMISSIONS
    email = f"new-{role}-{team.place.name}@example.com"
    answer = team.pages.post("/people/invite", data={**form, "email": email, "role": role})
    assert answer.headers["cache-control"] == "no-store"
    for part in ("works once", "shown only now", email):
        assert part in words(answer)
    path = invited(answer)
    page = team.pages.get("/people")
    assert role.capitalize() in row(page, email)
    assert "in 7 days" in row(page, email)
    assert path not in page.text
    guest = browse(team.server)
    assert guest.post(path, data={"name": "Guest", "password": PASSWORD}).status_code == 303
    expected = {"owner": "Everything", "member": "API keys: all", "viewer": "API keys: view"}[role]
    assert expected in words(guest.get("/account"))
    assert "Nobody is invited" in words(team.pages.get("/people"))


def test_a_member_is_invited_with_permissions_of_ones_choice(team: Team) -> None:
    """Whatever changes something includes seeing it."""
    email = f"chosen-{team.place.name}@example.com"
    form = {"email": email, "role": "member", "permissions": ["apikeys:create"]}
    guest = browse(team.server)
    guest.post(invited(team.pages.post("/people/invite", data=form)), data={"password": PASSWORD})
    assert "API keys: view, create" in words(guest.get("/account"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "x" * 300 + "@example.com"}, "email"),
        ({"role": ""}, "role"),
        ({"role": "king"}, "role"),
        ({"permissions": ["no:such"]}, "permissions"),
        ({"permissions": ["*"]}, "permissions"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused(team: Team, changes: dict[str, Any], field: str) -> None:
    """Beside the field; what was typed is kept, and nobody is invited."""
    form = {"email": "kept@example.com", "role": "member", "permissions": ["apikeys:view"], **changes}
    answer = team.pages.post("/people/invite", data=form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert fields(answer)["email"] == [form["email"]]
    assert "Nobody is invited" in words(team.pages.get("/people"))


def test_who_is_here_already_is_not_invited(team: Team) -> None:
    """It is said beside the address."""
    form = {"email": team.ada.person.email.upper(), "role": "viewer"}
    answer = team.pages.post("/people/invite", data=form)
    assert answer.status_code == 422
    assert "is here already" in words(answer)


def test_an_invitation_is_withdrawn(team: Team) -> None:
    """Its link works no more; withdrawing it again is no error."""
    form = {"email": f"gone-{team.place.name}@example.com", "role": "viewer"}
    path = invited(team.pages.post("/people/invite", data=form))
    (action,) = re.findall(r'action="(/people/invitations/[^"]+/withdraw)"', team.pages.get("/people").text)
    assert team.pages.post(action).headers["location"] == "/people"
    assert "The invitation was withdrawn." in words(team.pages.get("/people"))
    assert browse(team.server).get(path).status_code == 404
    assert team.pages.post(action).status_code == 303
    assert "used or withdrawn already" in words(team.pages.get("/people"))


def test_inviting_again_makes_a_new_link_and_ends_the_old_one(team: Team) -> None:
    """So a lost link is no problem."""
    form = {"email": f"twice-{team.place.name}@example.com", "role": "viewer"}
    first, second = (invited(team.pages.post("/people/invite", data=form)) for _ in range(2))
    assert browse(team.server).get(first).status_code == 404
    assert browse(team.server).get(second).status_code == 200
    assert team.pages.get("/people").text.count("/withdraw") == 1
