"""What the page that removes somebody says of keys that their keys made, and what becomes of those."""

import re

import pytest

from flowkeys.domain.keys.api_key import ApiKey, Creator
from tests.pages.forms import browse
from tests.pages.place import Place
from tests.pages.reading import links, words
from tests.support.people import SignedIn
from tests.support.server import Running


@pytest.fixture
def place(server: Running) -> Place:
    """A workspace of its own."""
    return Place(server)


def two_of_a_key(place: Place) -> tuple[SignedIn, ApiKey]:
    """Let Bob make a key, and that key two more; return both makers."""
    bob = place.person("member", name="Bob")
    maker = place.key("maker", by=Creator("person", bob.person.id, "Bob"))
    for name in ("one", "two"):
        place.key(name, by=Creator("key", maker.id, "maker"))
    return bob, maker


def test_keys_that_keys_made_are_counted_and_named_by_their_maker(place: Place) -> None:
    """Given two keys that a key of Bob's made, the list and the page that removes Bob say so."""
    bob, maker = two_of_a_key(place)
    assert "1 key and 2 through keys" in words(place.get("/people", place.owner))
    page = place.get(f"/people/{bob.person.id}/remove", place.owner)
    assert re.search(r"go on working: 3 keys ?, 2 of them through keys: maker made 2 keys", words(page))
    assert f"/keys?createdBy={maker.id}" in links(page)


def test_keys_that_keys_made_are_revoked_with_them(place: Place) -> None:
    """Given the tick, all three are revoked."""
    bob, _ = two_of_a_key(place)
    answer = place.post(f"/people/{bob.person.id}/remove", place.owner, {"revokeKeys": "yes"})
    assert answer.headers["location"] == "/people"
    assert place.names("?status=active") == []


def test_keys_that_keys_made_are_not_forgotten_when_only_they_are_left(place: Place) -> None:
    """Given a maker that was revoked before, the page of people says that two keys still work."""
    bob, maker = two_of_a_key(place)
    place.server.do(place.keyring.revoke(place.caller, maker.id))
    browser, path = browse(place.server, place.owner), f"/people/{bob.person.id}/remove"
    assert "2 keys, 2 of them through keys" in words(browser.get(path))
    assert browser.post(path, data={"x": ""}).headers["location"] == "/people"
    assert "Bob was removed. 2 keys made by their keys still work." in words(browser.get("/people"))


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_giving_more_than_one_holds_is_forbidden(place: Place, role: str) -> None:
    """Given a member who may manage people, a form that gives more is answered with 403, whatever it is."""
    carl = place.person("member", permissions=("users:manage", "apikeys:view"))
    bob = place.person("viewer")
    for path in ("/people/invite", f"/people/{bob.person.id}", f"/people/{place.owner.person.id}/remove"):
        form = {"email": f"new@{place.name}.example.com", "role": role, "version": "1"}
        assert place.post(path, carl, form).status_code == 403, path
