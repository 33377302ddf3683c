"""Selecting keys and changing them together, in a browser."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, narrow, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.place import DAY, Place
from tests.support.server import Running


@pytest.fixture
def place(server: Running) -> Place:
    """A workspace with five keys: key 1 opens a chatflow and was used a day ago."""
    made = Place(server)
    flow = made.chatflow("Docs assistant")
    made.key("key 1", chatflows=(flow,), used=DAY)
    for number in range(2, 6):
        made.key(f"key {number}")
    return made


def box(page: Page, number: int) -> Locator:
    """Return the box that selects a key."""
    return page.get_by_label(f"Select key {number}", exact=True)


def statuses(page: Page) -> list[str]:
    """Return the statuses in the list, top down."""
    return page.locator("tbody .badge").all_inner_texts()


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_question_before_revoking_is_accessible(
    place: Place, visit: Visit, theme: str, width: int
) -> None:
    """In the dialog, with an error in it."""
    window = visit("/keys?sort=keyName", place.owner, theme=theme, width=width)
    window.allow("status of 422")
    box(window.page, 1).check()
    window.page.get_by_role("button", name="Revoke…").click()
    window.page.get_by_label("Type 1 to confirm").fill("2")
    window.page.get_by_role("button", name="Revoke 1 key").click()
    expect(window.page.locator(".field-error")).to_be_visible()
    assert_accessible(window.page)


def test_the_bar_is_there_while_something_is_selected(place: Place, visit: Visit) -> None:
    """And says how much."""
    page = visit("/keys?sort=keyName", place.owner).page
    bar = page.locator("#bulk")
    expect(bar).to_be_hidden()
    box(page, 2).check()
    box(page, 4).check()
    expect(bar).to_contain_text("2 selected")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(bar).to_be_hidden()
    expect(box(page, 2)).not_to_be_checked()


@narrow
def test_all_of_a_page_are_selected_at_once(place: Place, visit: Visit, width: int) -> None:
    """Also where the rows are cards."""
    page = visit("/keys?sort=keyName", place.owner, width=width).page
    every = page.get_by_label("Select all on this page").locator("visible=true")
    every.check()
    expect(page.locator("#bulk")).to_contain_text("5 selected")
    box(page, 3).uncheck()
    assert every.evaluate("(box) => box.indeterminate") is True
    every.check()
    every.uncheck()
    expect(page.locator("#bulk")).to_be_hidden()


def test_a_range_is_selected_with_shift(place: Place, visit: Visit) -> None:
    """As in lists of files and mail."""
    page = visit("/keys?sort=keyName", place.owner).page
    box(page, 2).click()
    box(page, 4).click(modifiers=["Shift"])
    assert [box(page, number).is_checked() for number in range(1, 6)] == [False, True, True, True, False]


def test_another_list_has_nothing_selected(place: Place, visit: Visit) -> None:
    """What is not on the screen is not changed."""
    page = visit("/keys?sort=keyName", place.owner).page
    box(page, 2).check()
    page.get_by_label("Search").fill("key 3")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#bulk")).to_be_hidden()


def test_selected_keys_are_disabled_and_enabled_by_the_keyboard_alone(place: Place, visit: Visit) -> None:
    """The list stays filtered and sorted, and says what was done."""
    page = visit("/keys?search=key&sort=keyName", place.owner).page
    box(page, 1).focus()
    page.keyboard.press("Space")
    box(page, 2).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Disable", exact=True).press("Enter")
    expect(page.locator("[data-notice]")).to_contain_text("2 keys were disabled.")
    expect(page).to_have_url(re.compile(r"\?search=key&sort=keyName$"))
    assert statuses(page) == ["disabled", "disabled", "active", "active", "active"]
    box(page, 2).check()
    page.get_by_role("button", name="Enable", exact=True).press("Enter")
    expect(page.locator("[data-notice]")).to_contain_text("1 key was enabled.")
    assert statuses(page) == ["disabled", "active", "active", "active", "active"]


def test_revoking_asks_in_the_dialog_and_takes_the_number(place: Place, visit: Visit) -> None:
    """A wrong one changes nothing and what was typed stays."""
    window = visit("/keys?sort=keyName", place.owner)
    page = window.page
    window.allow("status of 422")
    box(page, 1).check()
    box(page, 3).check()
    page.get_by_role("button", name="Revoke…").click()
    dialog = page.get_by_role("dialog", name="Revoke 2 keys?")
    expect(dialog).to_contain_text("Opens Docs assistant")
    number = dialog.get_by_label("Type 2 to confirm")
    expect(number).to_be_focused()
    number.fill("3")
    number.press("Enter")
    expect(dialog.locator(".field-error")).to_contain_text("Type 2, the number of keys")
    expect(number).to_have_value("3")
    number.fill("2")
    number.press("Enter")
    expect(page.locator("[data-notice]")).to_contain_text("2 keys were revoked.")
    expect(page.locator("tbody th")).to_have_text(["key 2", "key 4", "key 5"])


def test_disabling_is_offered_where_revoking_is_asked(place: Place, visit: Visit) -> None:
    """It can be undone, and needs no number."""
    page = visit("/keys?sort=keyName", place.owner).page
    box(page, 1).check()
    page.get_by_role("button", name="Revoke…").click()
    page.get_by_role("button", name="Disable instead").click()
    expect(page.locator("[data-notice]")).to_contain_text("1 key was disabled.")


def test_closing_the_question_keeps_the_selection(place: Place, visit: Visit) -> None:
    """Nothing happened."""
    page = visit("/keys?sort=keyName", place.owner).page
    box(page, 1).check()
    page.get_by_role("button", name="Revoke…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(box(page, 1)).to_be_checked()
    expect(page.locator("#bulk")).to_contain_text("1 selected")


def test_a_refusal_is_said_in_the_dialog_and_the_selection_stays(place: Place, visit: Visit) -> None:
    """As when a person lost a permission, or a key gained one, since the page was shown."""
    window = visit("/keys?sort=keyName", place.person("member"))
    page = window.page
    window.allow("status of 403")
    box(page, 2).check()
    key_id = box(page, 2).get_attribute("value")
    greater = place.key("greater", permissions=("users:manage",))
    box(page, 2).evaluate("(box, id) => { box.value = id }", greater.id)
    page.get_by_role("button", name="Disable", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("1 key holds more than you do: 'greater'")
    page.get_by_role("button", name="Back to the list").click()
    expect(box(page, 2)).to_be_checked()
    assert key_id != greater.id


def test_without_scripts_boxes_and_buttons_are_a_plain_form(place: Place, visit: Visit) -> None:
    """The question is a page of its own."""
    page = visit("/keys?sort=keyName", place.owner, javascript=False).page
    box(page, 2).check()
    page.get_by_role("button", name="Disable", exact=True).click()
    expect(page.locator("[data-notice]")).to_contain_text("1 key was disabled.")
    box(page, 1).check()
    box(page, 3).check()
    page.get_by_role("button", name="Revoke…").click()
    expect(page.locator("h1")).to_have_text("Revoke 2 keys?")
    page.get_by_label("Type 2 to confirm").fill("2")
    page.get_by_role("button", name="Revoke 2 keys").click()
    expect(page.locator("[data-notice]")).to_contain_text("2 keys were revoked.")
    expect(page).to_have_url(re.compile(r"/keys\?sort=keyName$"))
