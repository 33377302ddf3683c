"""One key in a real browser: in the dialog over the list, and as pages where there are no scripts."""

import re

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.watched import Watched
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running

TOKEN = re.compile(r"^fl-[0-9A-Za-z]{32}$")
LONG = "W" * 100
RIGHT_TO_LEFT = "مفتاح الإنتاج <b>" + "😀" * 20


@pytest.fixture(scope="module")
def ada(server: Running) -> SignedIn:
    """An owner who is signed in."""
    return person(server, "owner", name="Ada")


def opened(window: Watched) -> Locator:
    """Open the form for a new key in the dialog over the list."""
    window.go("/keys")
    window.page.get_by_role("link", name="Create key").click()
    dialog = window.page.get_by_role("dialog")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    return dialog


def named(owner: Api, name: str) -> list[dict]:
    """Return the keys of a name, whatever their status."""
    found = owner.get("/apikey", params={"search": name, "status": "all"}).json()
    return [key for key in found if key["keyName"] == name]


def fits(page: Page) -> bool:
    """Tell whether nothing has to be scrolled sideways, on the page and in its dialog."""
    return page.evaluate(
        """() => [document.documentElement, document.getElementById("dialog")]
            .every((place) => place.scrollWidth <= place.clientWidth)"""
    )


def shown(window: Watched) -> None:
    """Check what is on the screen."""
    assert_accessible(window.page)
    assert fits(window.page), window.page.url


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_every_dialog_of_a_key_is_accessible_and_fits(
    visit: Visit, server: Running, owner: Api, ada: SignedIn, theme: str, width: int
) -> None:
    """In both themes and widths, with names at their worst: create, errors, the token, see, edit, revoke."""
    chatflow = make_chatflow(owner, RIGHT_TO_LEFT)
    key = bound_key(owner, chatflow, LONG, permissions=["apikeys:view"], note=LONG, expiresIn="90d")
    server.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "x"})
    server.do(server.runtime.usage.flush())
    window = visit("/keys", ada, theme=theme, width=width)
    window.allow("status of 422")
    page, dialog = window.page, opened(window)
    dialog.get_by_text("Management permissions").click()
    dialog.get_by_text(re.compile("other permissions")).click()
    dialog.get_by_label("Never").check()
    shown(window)
    dialog.get_by_label("On a date").check()
    dialog.get_by_label("Name", exact=True).fill(LONG)
    dialog.get_by_label("Find chatflows by name").fill(RIGHT_TO_LEFT[:20])
    dialog.locator("#chatflow-choices").get_by_label(RIGHT_TO_LEFT).first.check()
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("alert")).to_be_focused()
    shown(window)
    dialog.get_by_label("365 days").check()
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("heading", name="Key created")).to_be_focused()
    shown(window)
    with page.expect_navigation():  # the list under the dialog comes anew
        dialog.get_by_role("button", name="Done").click()
    for path in ("", "/edit", "/revoke"):
        page.goto(f"/keys/{key['id']}{path}")
        shown(window)


def test_seeing_is_ticked_with_whatever_changes_something(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """On the screen at once, counted; and without seeing nothing else of the group is left."""
    dialog = opened(visit("/keys", ada))
    summary = dialog.locator(".permissions > summary")
    expect(summary).to_contain_text("(none)")
    summary.click()
    group = dialog.get_by_role("group", name="API keys")
    group.get_by_label("delete").check()
    expect(group.get_by_label("view")).to_be_checked()
    expect(summary).to_contain_text("(2)")
    group.get_by_label("view").uncheck()
    expect(group.get_by_label("delete")).not_to_be_checked()
    expect(summary).to_contain_text("(none)")


def test_a_search_while_typing_keeps_what_is_ticked(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """Several searches, several chatflows, one key; Enter in the search creates nothing."""
    for name in ("Zebra one", "Yak two"):
        make_chatflow(owner, name)
    dialog = opened(visit("/keys", ada))
    dialog.get_by_label("Name", exact=True).fill("Searched")
    search = dialog.get_by_label("Find chatflows by name")
    search.fill("zebra")
    dialog.get_by_label("Zebra one").check()
    search.fill("yak")
    dialog.get_by_label("Yak two").check()
    search.press("Enter")
    search.fill("")
    expect(dialog.locator("#chatflow-choices input[type=checkbox]").nth(2)).to_be_attached()
    assert named(owner, "Searched") == []
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("heading", name="Key created")).to_be_visible()
    (key,) = named(owner, "Searched")
    assert {item["flowName"] for item in key["chatFlows"]} == {"Zebra one", "Yak two"}


def test_only_what_belongs_to_the_chosen_expiry_is_shown(visit: Visit, ada: SignedIn) -> None:
    """The date with "On a date", the advice with "Never"."""
    dialog = opened(visit("/keys", ada))
    date, advice = dialog.get_by_label("It ends at the end of this day (UTC)"), dialog.locator("#never-hint")
    expect(date).to_be_hidden()
    expect(advice).to_be_hidden()
    dialog.get_by_label("On a date").check()
    expect(date).to_be_visible()
    dialog.get_by_label("Never").check()
    expect(date).to_be_hidden()
    expect(advice).to_be_visible()


def test_the_code_is_shown_in_one_language_at_a_time(visit: Visit, ada: SignedIn) -> None:
    """By mouse or with the arrow keys, and each can be copied."""
    window = visit("/keys", ada)
    dialog = opened(window)
    dialog.get_by_label("Name", exact=True).fill("Code")
    dialog.get_by_label("Name", exact=True).press("Enter")
    expect(dialog.get_by_text("curl http")).to_be_visible()
    dialog.get_by_role("radio", name="curl").focus()
    window.page.keyboard.press("ArrowRight")
    expect(dialog.get_by_text("from flowkeys import Client")).to_be_visible()
    expect(dialog.get_by_text("curl http")).to_be_hidden()
    dialog.get_by_role("button", name="Copy the code in Python SDK").click()
    assert "from flowkeys import Client" in window.page.evaluate("navigator.clipboard.readText()")


def test_keyboard_alone_creates_a_key_and_comes_back_to_where_it_was(
    visit: Visit, owner: Api, ada: SignedIn
) -> None:
    """Focus goes into the dialog, and back to the link when it closes."""
    window = visit("/keys", ada)
    page = window.page
    link = page.get_by_role("link", name="Create key")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("heading", name="Key created")).to_be_focused()
    assert len(named(owner, "By keyboard")) == 1


def test_a_double_click_in_the_dialog_makes_one_key(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """And its token is shown."""
    dialog = opened(visit("/keys", ada))
    dialog.get_by_label("Name", exact=True).fill("Clicked twice")
    dialog.get_by_role("button", name="Create key").dblclick()
    expect(dialog.get_by_role("heading", name="Key created")).to_be_visible()
    assert len(named(owner, "Clicked twice")) == 1


def created(page: Page, name: str) -> str:
    """Create a key on the page without the dialog, and return its token."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create key").last.click()
    return page.locator("#new-token").inner_text()


def test_loading_again_and_going_back_show_no_token_and_make_no_key(
    visit: Visit, owner: Api, ada: SignedIn
) -> None:
    """The browser sends the form again, or asks whether to: it finds that the key was made."""
    window = visit("/keys/new", ada)
    window.allow("status of 409")
    page = window.page
    token = created(page, "Loaded again")
    page.reload()
    expect(page.get_by_role("heading", name="This form was sent before")).to_be_visible()
    page.goto("/keys")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    window.tab().goto("/keys")
    page.close()
    assert window.traces(token) == [f"answer: POST {window.url}/keys/new"]
    assert len(named(owner, "Loaded again")) == 1


def test_the_same_form_in_a_second_tab_makes_no_second_key(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """A tab that was duplicated sends what the first has sent."""
    window = visit("/keys/new", ada)
    window.allow("status of 409")
    form = "input[name=form]"
    once = window.page.locator(form).input_value()
    token = created(window.page, "Two tabs")
    tab = window.tab()
    tab.goto("/keys/new")
    tab.locator(form).evaluate("(field, value) => { field.value = value }", once)
    tab.get_by_label("Name", exact=True).fill("Two tabs")
    tab.get_by_role("button", name="Create key").last.click()
    expect(tab.get_by_role("heading", name="This form was sent before")).to_be_visible()
    assert token not in tab.content()
    assert len(named(owner, "Two tabs")) == 1


def test_a_page_from_the_browsers_memory_shows_no_token(visit: Visit, ada: SignedIn) -> None:
    """What browsers keep of a page that is left, to show it again at once, has no token in it."""
    window = visit("/keys/new", ada)
    page = window.page
    page.get_by_label("Name", exact=True).fill("From memory")
    page.get_by_role("button", name="Create key").last.click()
    expect(page.locator("#new-token")).to_have_text(TOKEN)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    expect(page.locator("#new-token")).to_have_text("")


def test_a_lost_connection_says_so_and_loses_nothing(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """What was typed is there when the server is back, and is sent once."""
    window = visit("/keys", ada)
    window.allow("ERR_INTERNET_DISCONNECTED")
    window.allow("htmx:sendError")
    window.allow("htmx:afterRequest")
    dialog = opened(window)
    dialog.get_by_label("Name", exact=True).fill("Typed in a tunnel")
    window.context.set_offline(True)
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    window.context.set_offline(False)
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("heading", name="Key created")).to_be_visible()
    assert len(named(owner, "Typed in a tunnel")) == 1


def test_all_of_it_works_without_scripts(visit: Visit, server: Running, owner: Api, ada: SignedIn) -> None:
    """Create with a chatflow that was searched for, edit, disable, enable, revoke."""
    chatflow = make_chatflow(owner, "Quokka answers")
    page = visit("/keys", ada, javascript=False).page
    page.get_by_role("link", name="Create key").click()
    page.get_by_label("Name", exact=True).fill("No scripts")
    page.get_by_label("Find chatflows by name").fill("quokka")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("No scripts")
    page.get_by_label("Quokka answers").check()
    page.get_by_role("button", name="Create key").last.click()
    token = page.locator("#new-token").inner_text()
    assert server.api(token).post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="No scripts").first.click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Still no scripts")
    page.get_by_role("button", name="Save changes").last.click()
    for action in ("Disable", "Enable"):
        page.get_by_role("link", name="Still no scripts", exact=True).first.click()
        page.get_by_role("button", name=action, exact=True).click()
    server.do(server.runtime.usage.flush())
    page.get_by_role("link", name="Still no scripts", exact=True).first.click()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_label("Type the name of the key to confirm").fill("Still no scripts")
    page.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_role("status").first).to_contain_text("was revoked")
    assert [key["status"] for key in named(owner, "Still no scripts")] == ["revoked"]


def test_a_key_is_disabled_instead_of_revoked(visit: Visit, owner: Api, ada: SignedIn) -> None:
    """The choice that can be undone is beside the one that cannot, and asks for no name."""
    key = make_key(owner, "Second thoughts")
    page = visit(f"/keys/{key['id']}", ada).page
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("button", name="Disable instead").click()
    expect(page.get_by_role("status").first).to_contain_text("was disabled")
    assert [key["status"] for key in named(owner, "Second thoughts")] == ["disabled"]
