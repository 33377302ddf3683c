"""``/sign-in`` and ``/sign-out``: in with a password, and out for good."""

import re
from collections.abc import Callable
from html import unescape

import httpx
import pytest

from flowkeys.service.people.sign_ins import SignInRefused
from flowkeys.web.requests.sign_in_cookie import COOKIE
from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.forms import browse, fields
from tests.pages.reading import links, words
from tests.support.people import PASSWORD, SignedIn, person
from tests.support.server import Api, Running

WRONG = "The email or the password is wrong."


def sign_in(api: httpx.Client, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Send the form."""
    return api.post("/sign-in", data={"email": email, "password": password, **more})


@pytest.fixture
def ada(own: Running) -> SignedIn:
    """An owner of a server whose failed sign-ins count for nobody else."""
    return person(own, email="ada@example.com")


def test_the_right_password_leads_in(own: Running, ada: SignedIn) -> None:
    """With a cookie for scripts' eyes never, and on to where work begins."""
    browser = browse(own)
    answer = sign_in(browser, "ada@example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert browser.get("/account").status_code == 200
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "another password"),
        ("ada@example.com", ""),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("no address", PASSWORD),
        ("ada@example.com\x00", PASSWORD),
        ("' OR 1=1 --", "' OR 1=1 --"),
        ("x" * 100_000, "x" * 100_000),
    ],
)
def test_anything_else_is_refused_with_one_sentence(
    own: Running, ada: SignedIn, email: str, password: str
) -> None:
    """Whether there is such an account is not told; what was typed is kept, the password is not."""
    answer = sign_in(browse(own), email, password)
    assert answer.status_code == 422
    assert WRONG in words(answer)
    assert "set-cookie" not in answer.headers
    assert fields(answer)["password"] == [""]
    if email.isprintable():
        assert fields(answer)["email"] == [email]


def test_an_unknown_account_gets_the_same_page_as_a_wrong_password(own: Running, ada: SignedIn) -> None:
    """To the letter, apart from the address that was typed."""
    pages = [
        sign_in(browse(own), email, "wrong").text.replace(email, "")
        for email in ("ada@example.com", "bob@example.com")
    ]
    assert pages[0] == pages[1]


def test_whoever_tries_too_often_is_told_how_long_to_wait(own: Running, ada: SignedIn) -> None:
    """429 with Retry-After; the right password waits as well."""
    for _ in range(5):
        assert sign_in(browse(own), "ada@example.com", "wrong").status_code == 422
    answer = sign_in(browse(own), "ada@example.com")
    assert answer.status_code == 429
    assert "Too many attempts. Try again in 1 second." in words(answer)
    assert answer.headers["retry-after"] == "1"
    assert fields(answer)["email"] == ["ada@example.com"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(40, "40 seconds"), (120, "120 seconds"), (121, "3 minutes"), (900, "15 minutes")]
)
def test_a_wait_is_said_in_words(
    own: Running, monkeypatch: pytest.MonkeyPatch, seconds: int, said: str
) -> None:
    """Rounded up, so that who waits so long is let in."""

    async def refused(*_: object, **__: object) -> SignInRefused:
        return SignInRefused(seconds)

    monkeypatch.setattr(own.runtime.sign_ins, "sign_in", refused)
    answer = sign_in(browse(own), "ada@example.com")
    assert f"Try again in {said}." in words(answer)
    assert answer.headers["retry-after"] == str(seconds)


@pytest.mark.parametrize("path", ["/keys?search=a%2Fb&page=2", "/account", "/people"])
def test_whoever_was_sent_here_is_sent_back(own: Running, ada: SignedIn, path: str) -> None:
    """From the page that was asked for, through the form, to that page."""
    browser = browse(own)
    sent = browser.get(path)
    assert sent.status_code == 303
    form = browser.get(sent.headers["location"])
    (target,) = fields(form)["next"]
    assert sign_in(browser, "ada@example.com", next=target).headers["location"] == path


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "keys"]
)
def test_a_sign_in_leads_to_no_other_site(own: Running, ada: SignedIn, target: str) -> None:
    """Not by the form, not by its address, and not for somebody who is signed in already."""
    form = browse(own).get("/sign-in", params={"next": target})
    assert "next" not in fields(form)
    assert sign_in(browse(own), "ada@example.com", next=target).headers["location"] == "/"
    inside = browse(own, ada).get("/sign-in", params={"next": target})
    assert (inside.status_code, inside.headers["location"]) == (303, "/")


def test_a_sign_in_always_begins_with_a_new_secret(own: Running, ada: SignedIn) -> None:
    """A secret that somebody planted signs nobody in, before or after."""
    planted = "A" * 43
    browser = browse(own)
    browser.cookies.set(COOKIE, planted)
    header = sign_in(browser, "ada@example.com").headers["set-cookie"]
    (secret,) = re.findall(rf"{COOKIE}=([^;]*)", header)
    assert secret not in {planted, ada.secret}
    assert own.api(None, Cookie=f"{COOKIE}={planted}").get("/apikey").status_code == 401


def test_signing_out_ends_it_on_the_server_too(own: Running, ada: SignedIn) -> None:
    """A copy of the cookie works no more; the next page says that one is out."""
    browser = browse(own)
    sign_in(browser, "ada@example.com")
    copied = browser.cookies[COOKIE]
    answer = browser.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in browser.cookies
    assert "You are signed out." in words(browser.get("/sign-in"))
    assert own.api(None, Cookie=f"{COOKIE}={copied}").get("/apikey").status_code == 401
    assert browse(own, ada).get("/account").status_code == 200, "another sign-in goes on"


def test_signing_out_without_being_signed_in_is_no_error(own: Running) -> None:
    """A second click, an old tab."""
    assert browse(own).post("/sign-out").status_code == 303


def test_a_server_without_an_owner_says_where_the_link_is(own: Running, server: Running) -> None:
    """And nothing else of itself; with an owner it does not say it."""
    page = browse(own).get("/sign-in")
    assert "This server has no owner yet" in words(page)
    assert "flowkeys serve" in words(page)
    assert "/set-up/" not in page.text
    person(own)
    assert "no owner" not in words(browse(own).get("/sign-in"))


def test_the_page_says_what_to_do_about_a_forgotten_password(own: Running) -> None:
    """There is no mail: whoever runs the server makes a link."""
    assert "flowkeys users reset EMAIL" in words(browse(own).get("/sign-in"))


def test_what_was_typed_is_text(own: Running) -> None:
    """Whatever it is."""
    hostile = '"><script>alert(1)</script>'
    answer = sign_in(browse(own), hostile, "x")
    assert "<script>alert" not in answer.text
    assert fields(answer)["email"] == [hostile]


def test_the_form_helps_password_managers(own: Running) -> None:
    """Each field says what belongs there."""
    page = unescape(browse(own).get("/sign-in").text)
    assert re.search(r'name="email" type="email"[^>]*autocomplete="username"', page)
    assert re.search(r'name="password" type="password"[^>]*autocomplete="current-password"', page)


def test_whoever_is_not_signed_in_sees_no_way_further(own: Running) -> None:
    """No menu, and no link but to here."""
    assert links(browse(own).get("/sign-in")) - {"/", "/sign-in"} == {
        link for link in links(browse(own).get("/sign-in")) if link.startswith("/static/")
    }


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_page_of_the_sign_in_is_accessible(visit: Visit, own: Running, theme: str, width: int) -> None:
    """As it is opened, and with what is wrong on it; the keyboard is where typing goes on."""
    person(own, email="ada@example.com")
    window = visit("/sign-in", at=own, theme=theme, width=width)
    window.allow("status of 422")
    page = window.page
    assert_accessible(page)
    assert page.evaluate("document.activeElement.id") == "email"
    page.keyboard.type("ada@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text(WRONG).wait_for()
    assert_accessible(page)
    assert page.evaluate("document.activeElement.id") == "password"


@pytest.mark.parametrize("javascript", [True, False])
def test_in_and_out_in_a_browser(visit: Visit, own: Running, javascript: bool) -> None:
    """With scripts and without; the button for going back shows nothing afterwards."""
    person(own, email="ada@example.com", name="Ada")
    page = visit("/people", at=own, javascript=javascript).page
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/people")
    assert page.get_by_role("heading", level=1).inner_text() == "People"
    page.locator("summary", has_text="Ada").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.get_by_text("You are signed out.").wait_for()
    page.go_back()
    page.wait_for_url("**/sign-in*")
    assert "Ada" not in page.content()


def test_the_cookie_is_out_of_the_reach_of_scripts(visit: Visit, own: Running) -> None:
    """Whatever script ever got into a page could not take it away."""
    person(own, email="ada@example.com")
    window = visit("/sign-in", at=own)
    window.page.get_by_label("Email").fill("ada@example.com")
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.get_by_role("button", name="Sign in").click()
    window.page.wait_for_url(re.compile(r"://[^/]+/$"))
    assert window.page.evaluate("document.cookie") == ""
    (cookie,) = window.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, "Lax")
    assert window.traces(cookie["value"]) == []


def test_a_form_that_another_site_sends_signs_nobody_in(own: Running, ada: SignedIn) -> None:
    """Not even with the right password: nobody is made to work in somebody else's account."""
    elsewhere: Callable[..., Api] = own.api
    api = elsewhere(None, Origin="https://evil.example", Accept="text/html")
    api.base_url = httpx.URL(own.url)
    answer = sign_in(api, "ada@example.com")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "FLOWKEYS_PUBLIC_URL" in words(answer)
