"""``/account``: one's own name and password, and where one is signed in."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.forms import browse, fields
from tests.pages.reading import words
from tests.support.people import PASSWORD, SignedIn, person
from tests.support.server import Api, Running

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
NEW = "another password for tests"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def ada(server: Running) -> SignedIn:
    """Somebody new, so that their sign-ins are known."""
    return person(server, "member", name="Ada", permissions=("apikeys:view", "chatflows:view"))


@pytest.fixture
def here(server: Running, ada: SignedIn) -> Api:
    """Her browser."""
    return browse(server, ada)


def elsewhere(server: Running, who: SignedIn, user_agent: str = FIREFOX) -> Api:
    """Sign in with another browser."""
    browser = browse(server)
    browser.headers["User-Agent"] = user_agent
    form = {"email": who.person.email, "password": PASSWORD}
    assert browser.post("/sign-in", data=form).status_code == 303
    return browser


def ends(page: httpx.Response) -> list[str]:
    """Return the addresses of the buttons that end one sign-in."""
    return re.findall(r'action="(/account/sign-ins/[0-9a-f-]{36}/end)"', page.text)


def is_in(browser: httpx.Client) -> bool:
    """Tell whether a browser is signed in."""
    return browser.get("/account").status_code == 200


@pytest.mark.parametrize("role", ["owner", "member", "viewer"])
def test_everybody_sees_who_they_are_and_what_they_may(server: Running, role: str) -> None:
    """Name, email, role, and permissions in words."""
    who = person(server, role, name=f"A {role} by name")
    said = words(browse(server, who).get("/account"))
    may = {"owner": "Everything", "member": "API keys: all", "viewer": "API keys: view"}[role]
    for part in (who.person.email, role.capitalize(), may):
        assert part in said
    assert fields(browse(server, who).get("/account"))["name"] == [f"A {role} by name"]


def test_a_name_is_changed(here: Api) -> None:
    """It is on the page at once, and said once."""
    answer = here.post("/account/name", data={"name": " Ada, Countess of Lovelace "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = here.get("/account")
    assert "Your name was changed." in words(page)
    assert fields(page)["name"] == ["Ada, Countess of Lovelace"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b", "a\nb"])
def test_what_is_no_name_is_refused(here: Api, name: str) -> None:
    """Beside the field, with what was typed in it; the menu still shows the name."""
    answer = here.post("/account/name", data={"name": name})
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text
    assert 'class="menu-name">Ada<' in answer.text
    assert fields(here.get("/account"))["name"] == ["Ada"]


def test_a_name_is_text(here: Api) -> None:
    """Whatever it is."""
    here.post("/account/name", data={"name": HOSTILE})
    page = here.get("/account")
    assert HOSTILE not in page.text
    assert fields(page)["name"] == [HOSTILE]


def test_a_new_password_signs_out_everywhere_but_here(server: Running, ada: SignedIn, here: Api) -> None:
    """The old one opens nothing any more."""
    other = elsewhere(server, ada)
    answer = here.post("/account/password", data={"oldPassword": PASSWORD, "newPassword": NEW})
    assert answer.status_code == 303
    assert "You are signed out everywhere else." in words(here.get("/account"))
    assert not is_in(other)
    form = {"email": ada.person.email, "password": PASSWORD}
    assert browse(server).post("/sign-in", data=form).status_code == 422
    assert browse(server).post("/sign-in", data={**form, "password": NEW}).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong", NEW, "oldPassword"),
        ("", NEW, "oldPassword"),
        (PASSWORD, "short", "newPassword"),
        (PASSWORD, "", "newPassword"),
        (PASSWORD, "x" * 300, "newPassword"),
    ],
)
def test_a_password_that_cannot_be_is_refused(
    server: Running, ada: SignedIn, here: Api, old: str, new: str, field: str
) -> None:
    """Said beside the field; neither password comes back, and nothing was changed."""
    other = elsewhere(server, ada)
    answer = here.post("/account/password", data={"oldPassword": old, "newPassword": new})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert fields(answer)["oldPassword"] == fields(answer)["newPassword"] == [""]
    assert is_in(other)


def test_guessing_the_present_password_is_slowed_down(here: Api) -> None:
    """A browser that somebody left open is no place to try passwords."""
    for _ in range(5):
        here.post("/account/password", data={"oldPassword": "wrong", "newPassword": NEW})
    answer = here.post("/account/password", data={"oldPassword": PASSWORD, "newPassword": NEW})
    assert answer.status_code == 422
    assert "Too many wrong passwords. Try again in" in words(answer)


def test_where_one_is_signed_in_is_said_in_words(server: Running, ada: SignedIn, here: Api) -> None:
    """Browser, address, first and last seen; which of them is this one; how long it lasts."""
    elsewhere(server, ada)
    elsewhere(server, ada, HOSTILE)
    page = here.get("/account")
    said = words(page)
    for part in ("Firefox on Linux", "A browser", "127.0.0.1", "this browser", "just now"):
        assert part in said
    assert "stays signed in for 30 days, or 7 days without being used" in said
    assert HOSTILE not in page.text
    assert said.count("this browser") == 1
    assert len(ends(page)) == 2, "not of this one: that is signing out"


def test_one_sign_in_is_ended(server: Running, ada: SignedIn, here: Api) -> None:
    """The other browser is out at its next click; ending it again is no error."""
    other = elsewhere(server, ada)
    (path,) = ends(here.get("/account"))
    assert here.post(path).headers["location"] == "/account"
    assert "That browser is signed out." in words(here.get("/account"))
    assert not is_in(other)
    assert here.post(path).status_code == 303
    assert "was signed out already" in words(here.get("/account"))


def test_everywhere_else_is_ended(server: Running, ada: SignedIn, here: Api) -> None:
    """And here it goes on."""
    others = [elsewhere(server, ada), elsewhere(server, ada)]
    here.post("/account/sign-ins/others/end")
    assert "signed out of 2 other places" in words(here.get("/account"))
    assert not any(is_in(other) for other in others)
    here.post("/account/sign-ins/others/end")
    assert "signed in only here" in words(here.get("/account"))


def test_everywhere_is_ended(server: Running, ada: SignedIn, here: Api) -> None:
    """Here too."""
    other = elsewhere(server, ada)
    answer = other.post("/account/sign-ins/all/end")
    assert answer.headers["location"] == "/sign-in"
    assert "signed out everywhere" in words(other.get("/sign-in"))
    assert not is_in(here)
    assert not is_in(other)


def test_somebody_elses_sign_in_is_not_ended(server: Running, ada: SignedIn, here: Api) -> None:
    """Its id is answered as one that has ended."""
    elsewhere(server, ada)
    (path,) = ends(here.get("/account"))
    stranger = browse(server, person(server))
    assert stranger.post(path).status_code == 303
    assert "was signed out already" in words(stranger.get("/account"))
    assert ends(here.get("/account")) == [path]


def test_the_forms_help_password_managers(here: Api) -> None:
    """Whose password it is, which is the present one, and which is new."""
    text = here.get("/account").text
    for name, kind in (
        ("username", "username"),
        ("oldPassword", "current-password"),
        ("newPassword", "new-password"),
    ):
        assert re.search(rf'name="{name}"[^>]*autocomplete="{kind}"', text), name


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_account_is_accessible(visit: Visit, server: Running, theme: str, width: int) -> None:
    """As it is, and with what is wrong on it; nothing is wider than the window."""
    who = person(server, name="Ada " + "Lovelace" * 12)
    elsewhere(server, who)
    window = visit("/account", who, theme=theme, width=width)
    window.allow("status of 422")
    page = window.page
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_label("Present password").fill("wrong")
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#oldPassword-error")).to_be_visible()
    assert_accessible(page)


@pytest.mark.parametrize("javascript", [True, False])
def test_an_account_is_kept_in_a_browser(visit: Visit, server: Running, javascript: bool) -> None:
    """With scripts and without: name, password, signing out elsewhere and everywhere."""
    who = person(server, name="Ada")
    other = elsewhere(server, who)
    page = visit("/account", who, javascript=javascript).page
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_role("button", name="Change the name").click()
    expect(page.get_by_text("Your name was changed.")).to_be_visible()
    page.get_by_role("button", name="Sign out Firefox on Linux").click()
    expect(page.get_by_text("That browser is signed out.")).to_be_visible()
    assert not is_in(other)
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password was changed.")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_url("**/sign-in")
