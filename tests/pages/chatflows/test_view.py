"""``/chatflows/{id}``: one chatflow's page."""

import json

import httpx
import pytest
from playwright.sync_api import expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.reading import browse, links, words
from tests.support.flows import bound_key, exported, make_chatflow, make_key, unknown
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def who(server: Running) -> SignedIn:
    """An owner."""
    return person(server)


@pytest.fixture
def chatflow(owner: Api) -> dict:
    """An echo."""
    return make_chatflow(owner)


def seen(who: SignedIn, path: str, status: int = 200) -> httpx.Response:
    """Return a page."""
    with browse(who) as browser:
        page = browser.get(path)
    assert page.status_code == status
    return page


def test_it_shows_where_and_by_what_id_it_is_called(server: Running, who: SignedIn, chatflow: dict) -> None:
    """In full, to be copied."""
    page = words(seen(who, f"/chatflows/{chatflow['id']}"))
    assert f"{server.url}/api/v1/prediction/{chatflow['id']}" in page
    assert "Runnable Closed" in page.replace("  ", " ")


def test_it_lists_its_keys_masked(who: SignedIn, owner: Api, chatflow: dict) -> None:
    """Each with its status, and a way to unbind it; revoked ones are not there."""
    key = bound_key(owner, chatflow, "Website")
    gone = bound_key(owner, chatflow, "Revoked one")
    owner.delete(f"/apikey/{gone['id']}")
    page = seen(who, f"/chatflows/{chatflow['id']}")
    assert f"fl-••••••••••••••••••{key['apiKey'][-4:]}" in page.text
    assert key["apiKey"] not in page.text
    assert f"/chatflows/{chatflow['id']}/keys/{key['id']}/unbind" in links(page)
    assert "Revoked one" not in page.text


def test_when_no_key_works_it_says_that_nobody_can_call_it(who: SignedIn, owner: Api, chatflow: dict) -> None:
    """A key that is bound and disabled is as good as none."""
    key = bound_key(owner, chatflow)
    owner.post(f"/apikey/{key['id']}/disable")
    assert "None of its keys works at present" in words(seen(who, f"/chatflows/{chatflow['id']}"))


def test_a_viewer_sees_it_all_and_no_button_that_would_be_refused(
    server: Running, owner: Api, chatflow: dict
) -> None:
    """No form but that of the menu and the choice of a key, no link to what changes anything."""
    bound_key(owner, chatflow, "One")
    bound_key(owner, chatflow, "Two")
    page = seen(person(server, "viewer"), f"/chatflows/{chatflow['id']}")
    here = f"/chatflows/{chatflow['id']}"
    below = {found.removeprefix(here) for found in links(page) if found.startswith(here)}
    assert below == {"#code", "/usage"}
    assert "/keys/new" not in page.text
    assert 'id="try"' not in page.text
    assert "One" in words(page)


def test_a_key_that_holds_more_than_the_person_has_no_button(
    server: Running, owner: Api, chatflow: dict
) -> None:
    """The service would refuse to unbind it."""
    great = bound_key(owner, chatflow, "Great", permissions=["users:manage"])
    small = bound_key(owner, chatflow, "Small")
    found = links(seen(person(server, "member"), f"/chatflows/{chatflow['id']}"))
    assert f"/chatflows/{chatflow['id']}/keys/{small['id']}/unbind" in found
    assert f"/chatflows/{chatflow['id']}/keys/{great['id']}/unbind" not in found


def test_who_may_not_see_keys_sees_none(server: Running, owner: Api, chatflow: dict) -> None:
    """Neither names nor numbers."""
    bound_key(owner, chatflow, "Unseen key")
    member = person(server, "member", permissions=("chatflows:view", "chatflows:update"))
    page = seen(member, f"/chatflows/{chatflow['id']}")
    assert "Unseen key" not in page.text
    assert "Which those are you may not see" in words(page)


def test_the_code_says_whose_token_to_use(who: SignedIn, owner: Api, chatflow: dict) -> None:
    """The first key that works, or the chosen one; the code is the same."""
    first, second = (bound_key(owner, chatflow, name) for name in ("Apple", "Banana"))
    page = words(seen(who, f"/chatflows/{chatflow['id']}"))
    assert f"Put the token of “ Apple ” ( fl-••••••••••••••••••{first['apiKey'][-4:]} )" in page
    other = words(seen(who, f"/chatflows/{chatflow['id']}?key={second['id']}"))
    assert f"Put the token of “ Banana ” ( fl-••••••••••••••••••{second['apiKey'][-4:]} )" in other
    assert "never again" in other


def test_the_graph_is_there_in_words_too(who: SignedIn, chatflow: dict) -> None:
    """For those who do not see the drawing."""
    page = seen(who, f"/chatflows/{chatflow['id']}")
    assert '<svg class="graph"' in page.text
    assert "Start → Direct Reply 0" in words(page)


def test_what_a_graph_says_is_text(who: SignedIn, owner: Api) -> None:
    """A node's label in the drawing and in words."""
    flow = json.loads(exported())
    flow["nodes"][1]["data"]["label"] = HOSTILE
    chatflow = make_chatflow(owner, HOSTILE, json.dumps(flow))
    page = seen(who, f"/chatflows/{chatflow['id']}")
    assert "<img" not in page.text


def test_what_cannot_run_is_told_and_not_offered_to_be_tried(who: SignedIn, owner: Api) -> None:
    """With the missing kind by its name."""
    chatflow = make_chatflow(owner, flow_data=unknown())
    page = seen(who, f"/chatflows/{chatflow['id']}")
    assert "there is nothing to try yet" in words(page)
    assert "browserAgentflow" in words(page)
    assert "data-try-send" not in page.text


def test_limits_that_cannot_be_enforced_are_told(who: SignedIn, owner: Api) -> None:
    """In the service's words."""
    limits = json.dumps({"rateLimit": {"status": True, "limitMax": 1}})
    chatflow = make_chatflow(owner, apiConfig=limits)
    page = words(seen(who, f"/chatflows/{chatflow['id']}"))
    assert "the rate limit needs limitMax" in page


@pytest.mark.parametrize(
    "below", ["", "/keys/bind", "/try", "/public", "/rename", "/delete", "/conversations", "/conversations/x"]
)
def test_another_workspaces_chatflow_is_not_there(server: Running, who: SignedIn, below: str) -> None:
    """By none of its addresses."""
    theirs = make_chatflow(server.owner("other"), "Theirs")
    assert "Theirs" not in seen(who, f"/chatflows/{theirs['id']}{below}", 404).text


def test_choosing_a_key_changes_the_sentence_at_once(
    who: SignedIn, owner: Api, chatflow: dict, visit: Visit
) -> None:
    """And nothing else."""
    bound_key(owner, chatflow, "Apple")
    bound_key(owner, chatflow, "Banana")
    page = visit(f"/chatflows/{chatflow['id']}", who).page
    page.get_by_label("With the key").select_option("Banana")
    expect(page.locator("#which-token")).to_contain_text("Put the token of “Banana”")
    expect(page.locator("svg.graph")).to_be_visible()


def test_the_endpoint_can_be_copied(server: Running, who: SignedIn, chatflow: dict, visit: Visit) -> None:
    """With one press."""
    page = visit(f"/chatflows/{chatflow['id']}", who).page
    page.get_by_role("button", name="Copy the endpoint").click()
    expect(page.get_by_role("button", name="Copy the endpoint")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{server.url}/api/v1/prediction/{chatflow['id']}"


def test_the_languages_are_tabs_without_scripts(who: SignedIn, chatflow: dict, visit: Visit) -> None:
    """Radio buttons, which the keyboard reaches too."""
    page = visit(f"/chatflows/{chatflow['id']}", who, javascript=False).page
    expect(page.locator("#snippet-curl")).to_be_visible()
    page.get_by_role("radio", name="curl").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#snippet-sdk")).to_be_visible()
    expect(page.locator("#snippet-curl")).to_be_hidden()


def test_a_new_key_for_it_is_made_in_the_dialog(who: SignedIn, chatflow: dict, visit: Visit) -> None:
    """With this chatflow chosen already."""
    page = visit(f"/chatflows/{chatflow['id']}", who).page
    page.get_by_role("link", name="New key for this chatflow").click()
    box = page.get_by_role("dialog").locator(f'input[value="{chatflow["id"]}"]').first
    expect(box).to_be_checked()


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_page_is_accessible_and_fits(
    who: SignedIn, owner: Api, visit: Visit, theme: str, width: int
) -> None:
    """Open and public, with names that are as odd as they may be."""
    chatflow = make_chatflow(owner, HOSTILE + "x" * 70, isPublic=False)
    for name in ("مساعد الدعم 🦊", "y" * 100, "Website"):
        bound_key(owner, chatflow, name)
    make_key(owner, "Another")
    public = make_chatflow(owner, "Public", isPublic=True)
    window = visit(f"/chatflows/{chatflow['id']}", who, theme=theme, width=width)
    for path in (f"/chatflows/{chatflow['id']}", f"/chatflows/{public['id']}"):
        window.go(path)
        window.page.locator("details.graph-words summary").click()
        assert_accessible(window.page)
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
