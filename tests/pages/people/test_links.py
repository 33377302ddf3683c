"""``/set-up/…``, ``/invitation/…`` and ``/reset/…``: one-time links, and what they lead to."""

import re

import pytest
from playwright.sync_api import expect

from flowkeys.domain.people.link import Purpose, path_of
from flowkeys.domain.people.person import Role
from flowkeys.domain.principal import Caller, operator
from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.forms import browse, fields
from tests.pages.reading import links, words
from tests.support.people import PASSWORD, person
from tests.support.server import Running

NEW = "another password for tests"
GUEST = "guest@example.com"
PURPOSES = [purpose.value for purpose in Purpose]
HEADINGS = {
    "set-up": "Set up flowkeys",
    "invitation": "Accept your invitation",
    "reset": "Choose a new password",
}

WELCOMES = {
    "set-up": "flowkeys is set up, and you are signed in.",
    "invitation": "Welcome. You are signed in.",
    "reset": "Your password was changed, and you are signed in.",
}
MISTAKES = [
    *((purpose, {"password": text}) for purpose in PURPOSES for text in ("short", "", "x" * 300, GUEST)),
    *((purpose, {"name": "x" * 200}) for purpose in ("set-up", "invitation")),
    *(("set-up", {"email": text}) for text in ("no address", "")),
]


def link(server: Running, purpose: str, email: str = GUEST) -> str:
    """Return the path of a new link; for a reset there is somebody with the address."""
    services, caller = server.runtime.links, Caller(operator(server.workspace()))
    if purpose == "set-up":
        return path_of(Purpose.SET_UP, server.do(services.set_up_link()))
    if purpose == "invitation":
        path: str = server.do(services.invite(caller, email, Role.MEMBER)).path
        return path
    person(server, email=email)
    reset: str = server.do(services.reset_link(email)).path
    return reset


def sent(purpose: str, **changes: str) -> dict[str, str]:
    """Return what the form of a link sends."""
    typed = {"set-up": {"email": GUEST, "name": "Guest"}, "invitation": {"name": "Guest"}, "reset": {}}
    return {**typed[purpose], "password": NEW, **changes}


def age(server: Running) -> None:
    """Let every link be over."""
    with server.shell() as rows:
        rows.execute("UPDATE link SET expires_at = 1")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_link_leads_in(own: Running, purpose: str) -> None:
    """A password is chosen, one is signed in, welcomed once, and may sign in with it from now on."""
    browser = browse(own)
    path = link(own, purpose)
    page = browser.get(path)
    assert page.status_code == 200
    assert HEADINGS[purpose] in words(page)
    assert "At least 12 characters" in words(page)
    answer = browser.post(path, data=sent(purpose))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    account = browser.get("/account")
    assert GUEST in words(account)
    assert WELCOMES[purpose] in words(account)
    assert WELCOMES[purpose] not in words(browser.get("/account"))
    assert browse(own).post("/sign-in", data={"email": GUEST, "password": NEW}).status_code == 303


@pytest.mark.parametrize("purpose", PURPOSES)
def test_looking_at_a_link_does_not_use_it_up(own: Running, purpose: str) -> None:
    """Programs that read mail look at every link in it, and so do people before they decide."""
    path = link(own, purpose)
    for _ in range(3):
        assert browse(own).get(path).status_code == 200
        assert browse(own).request("HEAD", path).status_code == 200
    assert browse(own).post(path, data=sent(purpose)).status_code == 303


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("why", ["used", "too old", "of another purpose", "never made", "cut short"])
def test_a_link_that_does_not_work_says_what_to_do(own: Running, purpose: str, why: str) -> None:
    """The page of a link that is over is one page, which says nothing of why, and where to get another."""
    path = link(own, purpose)
    if why == "used":
        browse(own).post(path, data=sent(purpose))
    elif why == "too old":
        age(own)
    elif why == "of another purpose":
        other = {"set-up": "reset", "invitation": "set-up", "reset": "invitation"}[purpose]
        path = path.replace(f"/{purpose}/", f"/{other}/")
    elif why == "never made":
        path = f"/{purpose}/{'A' * 43}"
    else:
        path = path[:-1]
    for answer in (browse(own).get(path), browse(own).post(path, data=sent(purpose))):
        assert answer.status_code == 404
        assert "This link does not work any more" in words(answer)
        assert "set-cookie" not in answer.headers
        assert "/sign-in" in links(answer)
        assert any(advice in words(answer) for advice in ("Restart the server", "Ask who"))


@pytest.mark.parametrize(("purpose", "changes"), MISTAKES)
def test_a_mistake_is_said_beside_its_field_and_the_link_still_works(
    own: Running, purpose: str, changes: dict[str, str]
) -> None:
    """What was typed is kept, but for the password."""
    (field,) = changes
    path = link(own, purpose)
    answer = browse(own).post(path, data=sent(purpose, **changes))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert fields(answer)["password"] == [""]
    if purpose != "reset":
        assert fields(answer)["name"] == [changes.get("name", "Guest")]
    assert browse(own).post(path, data=sent(purpose)).status_code == 303


def test_whom_a_link_is_for_cannot_be_changed(own: Running) -> None:
    """The address of an invitation is its maker's; what a form says instead does not count."""
    path = link(own, "invitation")
    browser = browse(own)
    form = sent("invitation", email="evil@example.com", username="evil@example.com", role="owner")
    assert browser.post(path, data=form).status_code == 303
    account = words(browser.get("/account"))
    assert GUEST in account
    assert "Member" in account
    assert "evil@example.com" not in account


def test_an_address_that_is_taken_meanwhile_is_said(own: Running) -> None:
    """Though the form has no field for it: in another workspace somebody with the address came first."""
    caller = Caller(operator(own.workspace("other")))
    other = own.do(own.runtime.links.invite(caller, GUEST, Role.VIEWER)).path
    path = link(own, "invitation")
    assert browse(own).post(path, data=sent("invitation")).status_code == 303
    answer = browse(own).post(other, data=sent("invitation"))
    assert answer.status_code == 422
    assert "This email address cannot be used here. Use another one." in words(answer)


def test_after_the_set_up_no_other_link_sets_up(own: Running) -> None:
    """The first owner is made once, however many links were printed."""
    first = link(own, "set-up")
    second = link(own, "set-up")
    assert browse(own).get(first).status_code == 404
    assert browse(own).post(second, data=sent("set-up")).status_code == 303
    assert own.do(own.runtime.links.set_up_link()) is None


def test_a_new_password_ends_every_sign_in(own: Running) -> None:
    """Whoever else knew the old one is out."""
    path = link(own, "reset")
    old = browse(own)
    assert old.post("/sign-in", data={"email": GUEST, "password": PASSWORD}).status_code == 303
    assert old.get("/account").status_code == 200
    assert browse(own).post(path, data=sent("reset")).status_code == 303
    assert old.get("/account").status_code == 303
    assert old.post("/sign-in", data={"email": GUEST, "password": PASSWORD}).status_code == 422


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_secret_of_a_link_is_in_no_page(own: Running, purpose: str) -> None:
    """Not in its own either: the form goes where the page came from. And nobody keeps or tells it."""
    path = link(own, purpose)
    secret = path.rpartition("/")[2]
    for answer in (browse(own).get(path), browse(own).post(path, data=sent(purpose, password="short"))):
        assert secret not in answer.text
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


def test_names_and_addresses_are_text(own: Running) -> None:
    """Whatever somebody typed."""
    hostile = "<b>x</b>@example.com"
    path = link(own, "invitation", hostile)
    answer = browse(own).post(path, data=sent("invitation", name="<img src=x>", password="short"))
    assert "<b>x</b>" not in answer.text
    assert "<img" not in answer.text


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_page_of_a_link_is_accessible(
    visit: Visit, own: Running, purpose: str, theme: str, width: int
) -> None:
    """As it is opened, with what is wrong on it, and when the link is over."""
    path = link(own, purpose)
    window = visit(path, at=own, theme=theme, width=width)
    window.allow("status of 422")
    window.allow("status of 404")
    page = window.page
    assert_accessible(page)
    if purpose == "set-up":
        page.get_by_label("Email").fill(GUEST)
    page.get_by_label("Password", exact=True).fill("short")
    page.locator("form button[type=submit]").click()
    expect(page.locator("#password-error")).to_be_visible()
    assert_accessible(page)
    page.goto(f"/{purpose}/{'A' * 43}")
    assert_accessible(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_password_can_be_looked_at_while_it_is_chosen(visit: Visit, own: Running, javascript: bool) -> None:
    """With scripts; without them the box is not offered, and the form works."""
    page = visit(link(own, "invitation"), at=own, javascript=javascript).page
    field, box = page.get_by_label("Password", exact=True), page.get_by_label("Show the password")
    field.fill(NEW)
    if javascript:
        box.check()
        expect(field).to_have_attribute("type", "text")
        box.uncheck()
        expect(field).to_have_attribute("type", "password")
    else:
        expect(box).to_be_hidden()
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url(re.compile(r"://[^/]+/$"))
