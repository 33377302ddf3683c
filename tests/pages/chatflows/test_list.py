"""``/chatflows``: which there are, whether they run, who can call them."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.reading import browse, links, words
from tests.support.flows import bound_key, make_chatflow, make_key, unknown
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running

HOSTILE = "<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "مساعد الدعم 🦊 " + "x" * 86
WAYS = {f"/chatflows/new?way={way}" for way in ("export", "documents", "model")}


@pytest.fixture
def owner(own: Running) -> Api:
    """A client that may do everything on a server of one's own."""
    return own.owner()


@pytest.fixture
def who(own: Running) -> SignedIn:
    """Its owner."""
    return person(own)


def listed(who: SignedIn, **query: str | int) -> httpx.Response:
    """Return the list as it is asked for."""
    with browse(who) as browser:
        page = browser.get("/chatflows", params=query)
    assert page.status_code == 200
    return page


def names(page: httpx.Response) -> list[str]:
    """Return the names of the listed chatflows in order."""
    import re

    return re.findall(r'<th scope="row"><a href="[^"]+"><bdi>([^<]+)</bdi>', page.text)


def test_a_line_names_three_keys_and_says_how_many_more_there_are(owner: Api, who: SignedIn) -> None:
    """Each leads to the key, and the rest to the list of the chatflow's keys."""
    chatflow = make_chatflow(owner)
    keys = [bound_key(owner, chatflow, f"Service {number}") for number in range(5)]
    page = listed(who)
    assert "Service 0 Service 1 Service 2 2 more" in words(page)
    assert {f"/keys/{key['id']}" for key in keys[:3]} <= links(page)
    assert f"/keys?chatflow={chatflow['id']}" in links(page)


def test_a_key_that_does_not_work_is_named_with_the_reason(owner: Api, who: SignedIn) -> None:
    """A disabled key opens nothing, though it is bound."""
    key = bound_key(owner, make_chatflow(owner), "Paused")
    owner.post(f"/apikey/{key['id']}/disable")
    assert "Paused disabled" in words(listed(who))


def test_a_revoked_key_is_not_named(owner: Api, who: SignedIn) -> None:
    """Nobody can call the chatflow then."""
    key = bound_key(owner, make_chatflow(owner), "Gone")
    owner.delete(f"/apikey/{key['id']}")
    page = words(listed(who))
    assert "Gone" not in page
    assert "Nobody yet" in page


def test_a_public_chatflow_says_so_in_words(owner: Api, who: SignedIn) -> None:
    """Not by colour alone."""
    make_chatflow(owner, isPublic=True)
    assert "Public: anybody who knows its address" in words(listed(who))


def test_what_cannot_run_says_what_is_missing(owner: Api, who: SignedIn) -> None:
    """The kind's name is what to look for."""
    make_chatflow(owner, flow_data=unknown())
    page = words(listed(who))
    assert "Cannot run" in page
    assert "a kind that this server does not have: browserAgentflow" in page


def test_the_last_call_is_that_of_the_last_answer(own: Running, owner: Api, who: SignedIn) -> None:
    """Never, and then just now."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    assert "never" in words(listed(who))
    own.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "hi"})
    assert "never" not in words(listed(who))


def test_names_are_text(owner: Api, who: SignedIn) -> None:
    """Whatever they hold."""
    make_chatflow(owner, HOSTILE)
    page = listed(who)
    assert HOSTILE not in page.text
    assert HOSTILE in words(page)


def test_an_empty_list_says_what_a_chatflow_is_and_how_to_make_one(who: SignedIn) -> None:
    """Three ways, each a link."""
    page = listed(who)
    assert "A chatflow takes a question and gives an answer" in words(page)
    assert links(page) >= WAYS


def test_a_viewer_is_offered_no_way_to_make_one_or_to_bind(own: Running, owner: Api) -> None:
    """Nothing that would answer 403, in the empty list and in one with a chatflow."""
    viewer = person(own, "viewer")
    assert not links(listed(viewer)) & {"/chatflows/new", *WAYS}
    make_chatflow(owner)
    assert not [found for found in links(listed(viewer)) if found.endswith(("/new", "/bind"))]


def test_pages_say_which_part_of_the_list_they_are(owner: Api, who: SignedIn) -> None:
    """Twenty-five to a page; a page beyond the end is the last."""
    for number in range(27):
        make_chatflow(owner, f"Flow {number:02}")
    first = listed(who, sort="name")
    assert "1\u201325 of 27" in words(first)
    assert "/chatflows?sort=name&page=2" in links(first)
    for page in (2, 9, 999_999_999):
        last = listed(who, sort="name", page=page)
        assert "26\u201327 of 27" in words(last)
        assert names(last) == ["Flow 25", "Flow 26"]


def test_search_filter_and_order_are_in_the_address(owner: Api, who: SignedIn) -> None:
    """And each narrows or turns the list as it says."""
    make_chatflow(owner, "Alpha", isPublic=True)
    bound_key(owner, make_chatflow(owner, "Beta"))
    make_chatflow(owner, "Alphabet")
    assert names(listed(who, search="ALPHA", sort="name")) == ["Alpha", "Alphabet"]
    assert names(listed(who, sort="-name")) == ["Beta", "Alphabet", "Alpha"]
    found = {access: names(listed(who, access=access)) for access in ("public", "keys", "closed")}
    assert found == {"public": ["Alpha"], "keys": ["Beta"], "closed": ["Alphabet"]}
    assert "No chatflow matches" in words(listed(who, search="nothing"))


@pytest.mark.parametrize(
    "query", [{"page": "-1"}, {"page": "x"}, {"page": "9" * 5000}, {"sort": "flow_data"}, {"access": "x"}]
)
def test_an_address_that_makes_no_sense_shows_the_list(who: SignedIn, owner: Api, query: dict) -> None:
    """As if it did not say that."""
    make_chatflow(owner, "There")
    assert names(listed(who, **query)) == ["There"]


def test_a_sorted_column_says_how(owner: Api, who: SignedIn) -> None:
    """In ARIA's words, and its link turns it round."""
    make_chatflow(owner)
    page = listed(who, sort="name")
    assert '<th scope="col" aria-sort="ascending"><a class="sort" href="/chatflows?sort=-name">' in page.text
    assert page.text.count("aria-sort") == 1


def test_another_workspaces_chatflows_are_not_listed(own: Running, who: SignedIn) -> None:
    """Nor counted."""
    make_chatflow(own.owner("other"), "Theirs")
    assert "No chatflow yet" in words(listed(who))


def test_typing_narrows_the_list_and_the_address_follows(
    own: Running, owner: Api, who: SignedIn, visit: Visit
) -> None:
    """Without a button; the address leads to the same list, and back to the whole."""
    make_chatflow(owner, "Alpha")
    make_chatflow(owner, "Beta")
    page = visit("/chatflows", who, at=own).page
    page.get_by_label("Search by name").press_sequentially("alp")
    expect(page.get_by_role("link", name="Beta", exact=True)).to_have_count(0)
    expect(page).to_have_url(f"{own.url}/chatflows?search=alp")
    expect(page.get_by_label("Search by name")).to_be_focused()
    page.reload()
    expect(page.get_by_role("link", name="Alpha", exact=True)).to_be_visible()
    expect(page.get_by_label("Search by name")).to_have_value("alp")


def test_the_list_can_be_narrowed_without_scripts(
    own: Running, owner: Api, who: SignedIn, visit: Visit
) -> None:
    """By the form's button."""
    make_chatflow(owner, "Alpha")
    make_chatflow(owner, "Beta")
    page = visit("/chatflows", who, at=own, javascript=False).page
    page.get_by_label("Search by name").fill("beta")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_list_is_accessible_and_fits(
    own: Running, owner: Api, who: SignedIn, visit: Visit, theme: str, width: int
) -> None:
    """With every kind of line in it."""
    chatflow = make_chatflow(owner, HOSTILE)
    for number in range(5):
        bound_key(owner, chatflow, RIGHT_TO_LEFT[:98] + str(number))
    make_chatflow(owner, RIGHT_TO_LEFT, isPublic=True)
    make_chatflow(owner, "Cannot run", unknown())
    make_key(owner)
    page = visit("/chatflows", who, at=own, theme=theme, width=width).page
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_who_may_not_see_keys_is_told_how_many_there_are_and_no_more(
    own: Running, owner: Api, who: SignedIn
) -> None:
    """Neither names nor states, on any page of a chatflow."""
    blind = person(own, "member", permissions=("chatflows:view", "chatflows:update", "chatflows:delete"))
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, "Unseen one")
    bound_key(owner, chatflow, "Unseen two")
    own.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "hi"})
    owner.post(f"/apikey/{key['id']}/disable")
    assert "Runnable 2 keys just now" in words(listed(blind))
    here = f"/chatflows/{chatflow['id']}"
    with browse(who) as browser:
        talk = next(
            found for found in links(browser.get(f"{here}/conversations")) if "/conversations/" in found
        )
    with browse(blind) as browser:
        for path in ("/chatflows", here, f"{here}/conversations", talk, f"{here}/delete", f"{here}/try"):
            page = browser.get(path)
            assert page.status_code == 200, path
            assert "Unseen" not in page.text, path
            assert key["id"] not in page.text, path
            assert ">disabled<" not in page.text, path
