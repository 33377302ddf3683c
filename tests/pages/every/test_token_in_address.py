"""Somebody pastes a whole token where a part of a name belongs: it must not end up in an address."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from flowkeys.domain.keys.token import Token
from tests.pages.conftest import Visit
from tests.pages.place import Place
from tests.pages.reading import words
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

TOKEN = Token.mint().reveal()


@pytest.fixture
def place(server: Running) -> Place:
    """A workspace of its own."""
    return Place(server)


def test_a_pasted_token_is_searched_for_by_its_end(place: Place, visit: Visit) -> None:
    """Before anything is sent, and the page says so. An error leaves the list and the address as they are."""
    wanted = place.key("wanted")
    place.key("other")
    window = visit("/keys", place.owner)
    page, search = window.page, window.page.get_by_label("Search")
    token = TOKEN[:-4] + wanted.hint
    page.evaluate("text => navigator.clipboard.writeText(text)", token)
    search.focus()
    page.keyboard.press("Control+V")
    expect(search).to_have_value(wanted.hint)
    expect(page.locator("tbody th")).to_have_text(["wanted"])
    expect(page).to_have_url(re.compile(rf"/keys\?search={wanted.hint}$"))
    expect(page.get_by_text("only its last four characters were kept").first).to_be_visible()
    assert not [request.url for request in window.requests if token in request.url]

    for message in ("status of 400", "Error Code 400"):
        window.allow(message)
    page.route("**/keys?**", lambda route: route.fulfill(status=400, body="no list"))
    page.get_by_label("Status").select_option("disabled")
    expect(page.get_by_role("alert")).to_contain_text("The server refused this (status 400)")
    expect(page.locator("tbody th")).to_have_text(["wanted"])
    expect(page).to_have_url(re.compile(rf"/keys\?search={wanted.hint}$"))


@pytest.mark.parametrize("where", ["/keys?search=", "/chatflows?search=x", "/keys/"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_token_in_an_address_is_refused_with_a_page(place: Place, where: str, signed_in: bool) -> None:
    """That says what happened and how to look for a key, without the token, and is kept nowhere."""
    sent = {"Accept": "text/html,*/*;q=0.8", **(place.owner.headers if signed_in else {})}
    page = httpx.get(
        place.server.url + where + TOKEN, headers=sent, trust_env=False, timeout=PATIENCE_SECONDS
    )
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "A token in the address" in words(page)
    assert "the last four characters of its token" in words(page)
    assert TOKEN not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-request-id"] in page.text
    assert ("Your account" in words(page)) is signed_in


@pytest.mark.parametrize(
    ("where", "accept"), [("/keys?search=", "*/*"), ("/api/v1/apikey?search=", "text/html")]
)
def test_programs_are_refused_as_ever(place: Place, where: str, accept: str) -> None:
    """With a problem they can read, wherever they ask."""
    answer = httpx.get(
        place.server.url + where + TOKEN,
        headers={"Accept": accept},
        trust_env=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
