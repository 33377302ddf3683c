"""The page of API keys in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import NARROW, WIDE, light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.place import DAY, Place
from tests.support.server import Running

HOSTILE = "<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "مفتاح الإنتاج للخدمة الخلفية"


@pytest.fixture
def place(server: Running) -> Place:
    """An empty workspace."""
    return Place(server)


@pytest.fixture
def varied(place: Place) -> Place:
    """A workspace with keys in every state, with names of every kind."""
    flows = tuple(place.chatflow(name) for name in ("Docs assistant", HOSTILE, RIGHT_TO_LEFT, "W" * 100))
    place.key(HOSTILE, chatflows=flows, permissions=("*",), used=DAY)
    place.key(RIGHT_TO_LEFT, status="disabled", chatflows=flows[:1])
    place.key("W" * 100, ends_in=3 * DAY, permissions=("apikeys:view", "chatflows:view", "executions:view"))
    place.key("🚀 launch", ends_in=-DAY, chatflows=flows[1:3])
    place.key(
        "gone", status="revoked", permissions=("apikeys:view", "chatflows:view", "users:manage", "logs:view")
    )
    for number in range(10):
        place.key(f"key {number}")
    return place


def found(page: Page) -> list[str]:
    """Return the names of the keys on the page."""
    return page.locator("tbody th a").all_inner_texts()


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_list_is_accessible(varied: Place, visit: Visit, theme: str, width: int) -> None:
    """In both themes, as a table and as cards."""
    window = visit("/keys?status=all", varied.owner, theme=theme, width=width)
    window.page.locator("input[name=ids]").first.check()
    assert_accessible(window.page)


@pytest.mark.slow
@light_and_dark
def test_the_other_states_of_the_page_are_accessible(place: Place, visit: Visit, theme: str) -> None:
    """No key at all, none that matches, the choice of a chatflow."""
    page = visit("/keys", place.owner, theme=theme).page
    assert_accessible(page)
    place.key("one")
    place.chatflow("Docs assistant")
    for path in ("/keys?search=nothing&status=all", "/keys/filter/chatflow"):
        page.goto(path)
        assert_accessible(page)


@pytest.mark.parametrize(
    "width",
    [NARROW, 720, *(pytest.param(width, marks=pytest.mark.slow) for width in (1024, 1280, WIDE))],
)
def test_the_page_is_never_wider_than_the_window(varied: Place, visit: Visit, width: int) -> None:
    """Whatever keys are called: 720 is 1440 at 200 %."""
    page = visit("/keys?status=all&size=25", varied.owner, width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wrap = page.locator(".keys-wrap")
    assert wrap.evaluate("(box) => box.scrollWidth <= box.clientWidth")


def test_typing_filters_the_list_without_leaving_the_field(varied: Place, visit: Visit) -> None:
    """The list changes, the address with it, what was found is announced, and nothing else moves."""
    page = visit("/keys", varied.owner).page
    page.evaluate("window.stays = true")
    search = page.get_by_label("Search")
    search.press_sequentially("launch")
    expect(page.locator("tbody th")).to_have_text(["🚀 launch"])
    expect(page).to_have_url(re.compile(r"/keys\?search=launch$"))
    expect(page.locator("#announce")).to_have_text("1 key")
    expect(search).to_be_focused()
    assert page.evaluate("window.stays") is True


def test_going_back_shows_the_list_before(varied: Place, visit: Visit) -> None:
    """With its filters as they were."""
    page = visit("/keys?search=key", varied.owner).page
    page.get_by_label("Search").fill("gone")
    expect(page.get_by_text("No key matches", exact=True).first).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Search")).to_have_value("key")
    expect(page.locator("tbody tr")).to_have_count(10)


def test_a_reload_shows_the_same_list(varied: Place, visit: Visit) -> None:
    """All of it is in the address."""
    page = visit("/keys", varied.owner).page
    page.get_by_label("Status").select_option("all")
    expect(page).to_have_url(re.compile("status=all"))
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")
    before = found(page)
    page.reload()
    assert found(page) == before
    expect(page.get_by_label("Status")).to_have_value("all")


def test_a_filter_keeps_the_order_that_was_chosen(varied: Place, visit: Visit) -> None:
    """Sorting is a link, filtering a form: each knows of the other."""
    page = visit("/keys", varied.owner).page
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile("sort=keyName"))
    page.get_by_label("Search").fill("key 1")
    expect(page).to_have_url(re.compile(r"/keys\?search=key%201&sort=keyName$"))


def test_the_focus_stays_on_the_head_that_sorts(varied: Place, visit: Visit) -> None:
    """So that the same key turns the order round."""
    page = visit("/keys", varied.owner).page
    head = page.get_by_role("link", name="Name", exact=True)
    head.focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_be_visible()
    expect(head).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Name")


def test_leafing_keeps_the_focus_somewhere(varied: Place, visit: Visit) -> None:
    """On the last page there is no Next any more: then it is the list's."""
    page = visit("/keys?sort=keyName", varied.owner).page
    page.get_by_role("link", name="Next page").press("Enter")
    expect(page.locator("[data-found]")).to_have_text("13\u201314 of 14 keys")
    expect(page.locator("#list")).to_be_focused()
    expect(page).to_have_url(re.compile("page=2"))


def test_the_size_of_a_page_is_chosen_in_place(varied: Place, visit: Visit) -> None:
    """And begins at the first."""
    page = visit("/keys?sort=keyName&page=2", varied.owner).page
    page.get_by_label("Keys a page").select_option("25")
    expect(page.locator("tbody tr")).to_have_count(14)
    expect(page).to_have_url(re.compile(r"/keys\?sort=keyName&size=25$"))


def test_a_chatflow_is_chosen_by_a_part_of_its_name(varied: Place, visit: Visit) -> None:
    """In the dialog, with what was typed into the search a moment ago."""
    page = visit("/keys", varied.owner).page
    page.get_by_label("Search").fill("launch")
    expect(page).to_have_url(re.compile("search=launch"))
    page.locator("#chatflow-filter").click()
    page.get_by_label("Part of its name").fill("ONERROR")
    expect(page.locator(".filter-choices a")).to_have_text([HOSTILE])
    page.locator(".filter-choices a").click()
    expect(page).to_have_url(re.compile(r"/keys\?search=launch&chatflow="))
    expect(page.locator(".chip bdi")).to_have_text(["launch", HOSTILE])
    assert found(page) == ["🚀 launch"]


def test_a_row_opens_its_key_in_the_dialog(varied: Place, visit: Visit) -> None:
    """And closing it leads back to where one was."""
    page = visit("/keys", varied.owner).page
    link = page.get_by_role("link", name="key 9", exact=True)
    link.click()
    expect(page.locator("dialog h1")).to_contain_text("key 9")
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_one_key_is_disabled_from_its_row_and_the_list_stays(varied: Place, visit: Visit) -> None:
    """Filtered and sorted as it was."""
    page = visit("/keys?search=key%20&sort=keyName", varied.owner).page
    page.get_by_role("button", name="Disable key 3").click()
    expect(page.locator("[data-notice]")).to_contain_text("“key 3” was disabled")
    expect(page).to_have_url(re.compile(r"/keys\?search=key%20&sort=keyName$"))
    expect(page.get_by_role("button", name="Enable key 3")).to_be_visible()


def test_without_scripts_the_form_has_a_button(varied: Place, visit: Visit) -> None:
    """And everything is a link or a form."""
    page = visit("/keys", varied.owner, javascript=False).page
    page.get_by_label("Search").fill("key 1")
    page.get_by_label("Status").select_option("all")
    page.get_by_role("button", name="Show").click()
    assert found(page) == ["key 1"]
    page.get_by_role("link", name="Clear all").click()
    page.locator("#chatflow-filter").click()
    page.get_by_role("link", name="Docs assistant").click()
    assert found(page) == [RIGHT_TO_LEFT, HOSTILE]
    page.get_by_role("link", name="Name", exact=True).click()
    assert found(page) == [HOSTILE, RIGHT_TO_LEFT]


def test_a_lost_connection_is_said_and_the_list_stays(varied: Place, visit: Visit) -> None:
    """What was typed too."""
    window = visit("/keys", varied.owner)
    for message in ("ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError"):
        window.allow(message)
    window.context.set_offline(True)
    with window.page.expect_console_message(lambda message: "htmx:sendError" in message.text):
        window.page.get_by_label("Search").fill("key 1")
    expect(window.page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(window.page.get_by_label("Search")).to_have_value("key 1")
    expect(window.page.locator("tbody tr")).to_have_count(12)
