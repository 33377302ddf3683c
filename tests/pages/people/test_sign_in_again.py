"""A browser has one sign-in: whoever signs in over another ends it."""

import pytest

from flowkeys.domain.people.person import Role
from tests.pages.forms import browse
from tests.pages.place import Place
from tests.support.people import PASSWORD, SignedIn
from tests.support.server import Running

ANOTHER = "another password for tests"


@pytest.fixture
def place(server: Running) -> Place:
    """A workspace of its own."""
    return Place(server)


def is_signed_in(place: Place, who: SignedIn) -> bool:
    """Tell whether the secret of somebody's first sign-in still works."""
    return place.get("/account", who).status_code == 200


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_signing_in_over_a_sign_in_ends_it(place: Place, role: str) -> None:
    """Given a browser in which somebody is signed in, the same or another person signs in and it is over."""
    before, other = place.person(role), place.person()
    browser = browse(place.server, before)
    answer = browser.post("/sign-in", data={"email": place.owner.person.email, "password": PASSWORD})
    assert answer.status_code == 303
    assert [is_signed_in(place, who) for who in (before, other)] == [False, True]


def test_a_wrong_password_ends_no_sign_in(place: Place) -> None:
    """Given a browser in which somebody is signed in, a sign-in that fails changes nothing."""
    browser = browse(place.server, place.owner)
    answer = browser.post("/sign-in", data={"email": place.owner.person.email, "password": "a wrong one"})
    assert answer.status_code == 422
    assert is_signed_in(place, place.owner)


@pytest.mark.parametrize("purpose", ["invitation", "reset"])
def test_a_link_that_is_accepted_ends_the_sign_in_of_the_browser(place: Place, purpose: str) -> None:
    """Given a browser in which somebody else is signed in, who comes by a link takes their place."""
    links, do = place.server.runtime.links, place.server.do
    if purpose == "invitation":
        issued = do(links.invite(place.caller, f"guest@{place.name}.example.com", Role.VIEWER))
    else:
        issued = do(links.reset_link(place.person("member").person.email))
    answer = browse(place.server, place.owner).post(issued.path, data={"password": ANOTHER})
    assert answer.status_code == 303
    assert not is_signed_in(place, place.owner)
