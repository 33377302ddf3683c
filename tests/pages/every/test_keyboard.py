"""With the keyboard alone: everything is reached, in order, seen, and left again."""

from typing import Any

import pytest
from _pytest.mark import ParameterSet
from playwright.sync_api import Page, expect

from scripts.demo_pages import PAGES
from tests.pages.conftest import Visit
from tests.pages.demo import Demonstration
from tests.pages.watched import Watched

SHOWN = {page.name: page for page in PAGES}
MOST_STOPS = 250

# What Tab should stop at, in the order of the document; of radio buttons in a group only the chosen one.
EXPECTED = """(place) => {
    const all = [...place.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
    const group = (item) => all.filter((other) => other.type === "radio" && other.name === item.name);
    const stops = all.filter((item) => item.tabIndex >= 0 && !item.disabled && item.type !== "hidden"
        && item.checkVisibility({visibilityProperty: true})
        && !(item.type === "radio" && !item.checked && group(item).some((other) => other.checked)));
    window.stops = stops;
    return stops.length;
}"""
# Where the focus is in that list, and whether it can be seen: on itself, or on what stands for it.
NOW = """() => {
    const item = document.activeElement;
    const outlined = (place) => place && getComputedStyle(place).outlineStyle !== "none"
        && parseFloat(getComputedStyle(place).outlineWidth) >= 2;
    const box = item.getBoundingClientRect();
    return {
        place: window.stops.indexOf(item),
        what: item.tagName + " " + (item.id || item.name || item.textContent.trim().slice(0, 40)),
        inDialog: item.parentElement?.closest("dialog") !== null,
        seen: outlined(item) || outlined(item.nextElementSibling),
        inWindow: box.bottom > 0 && box.top < innerHeight,
    };
}"""


def opened(name: str, shown_off: Demonstration, watch: Visit) -> Watched:
    """Open a window on a page of the list, as it is photographed."""
    shown = SHOWN[name]
    window = watch(shown_off.at(shown).url, cookies=shown_off.cookies(shown.role))
    window.go(shown_off.path(shown))
    if shown.then is not None:
        shown.then(window.page)
    return window


def walk(page: Page, stops: int) -> list[dict[str, Any]]:
    """Press Tab as often as there are stops; return where the focus was each time."""
    found = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        found.append(page.evaluate(NOW))
    return found


def slowly(*case: str) -> ParameterSet:
    """Return a case that `make test` leaves to `make test-all`: others like it are in both."""
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [slowly("keys"), "chatflow", slowly("account"), slowly("people")])
def test_tab_stops_at_everything_in_the_order_of_the_page(
    name: str, shown_off: Demonstration, watch: Visit
) -> None:
    """And the focus can be seen wherever it is."""
    page = opened(name, shown_off, watch).page
    stops = page.evaluate(f"({EXPECTED})(document)")
    assert 10 < stops < MOST_STOPS
    page.evaluate("document.activeElement.blur()")
    found = walk(page, stops)
    assert [item["place"] for item in found] == list(range(stops)), [item["what"] for item in found]
    assert [item["what"] for item in found if not (item["seen"] and item["inWindow"])] == []


@pytest.mark.parametrize(
    "name", ["key-new", slowly("key-edit-dialog"), slowly("people-invite"), slowly("keys-revoke")]
)
def test_tab_goes_round_in_a_dialog(name: str, shown_off: Demonstration, watch: Visit) -> None:
    """To everything in it, in order, and never to the page behind it."""
    page = opened(name, shown_off, watch).page
    stops = page.evaluate(f"({EXPECTED})(document.getElementById('dialog'))")
    page.locator("dialog .dialog-close").focus()
    first = page.evaluate(NOW)
    found = [first, *walk(page, stops + 2)]
    inside = [item["place"] for item in found if item["inDialog"]]
    assert first["place"] == 0
    assert inside[: stops + 1] == [*range(stops), 0]
    assert {item["what"].split()[0] for item in found if not item["inDialog"]} <= {"BODY", "DIALOG"}
    assert [item["what"] for item in found[1:] if item["inDialog"] and not item["seen"]] == []


@pytest.mark.parametrize(
    ("name", "opener"),
    [
        ("keys", "Create key"),
        slowly("keys", "Edit Made today"),
        slowly("keys", "Revoke Made today"),
        slowly("keys", "Any"),
        slowly("chatflow", "Rename"),
        ("chatflow", "Delete"),
        slowly("chatflow", "Bind a key"),
        slowly("chatflow", "New key for this chatflow"),
        slowly("chatflow", "Make it public…"),
        ("people", "Invite"),
        slowly("people", "Change Grace Hopper"),
        slowly("people", "Remove Grace Hopper"),
    ],
)
def test_a_dialog_takes_the_focus_and_gives_it_back(
    name: str, opener: str, shown_off: Demonstration, watch: Visit
) -> None:
    """Enter opens it, Escape closes it, and one is where one was."""
    page = opened(name, shown_off, watch).page
    link = page.get_by_role("link", name=opener, exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(link).to_be_focused()


@pytest.mark.parametrize("name", ["key-created", "people-invited"])
def test_escape_does_not_close_what_is_shown_once(name: str, shown_off: Demonstration, watch: Visit) -> None:
    """However often it is pressed: browsers let a page refuse only so many times."""
    page = opened(name, shown_off, watch).page
    secret = page.locator("[data-secret]").inner_text()
    for _ in range(4):
        page.keyboard.press("Escape")
    expect(page.get_by_role("dialog").locator("[data-secret]")).to_have_text(secret)
    with page.expect_navigation():  # the list under it comes anew
        page.get_by_role("dialog").get_by_text("Done").press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_first_stop_leads_past_the_menus(shown_off: Demonstration, watch: Visit) -> None:
    """The link is seen when it has the focus, and the next stop is in the content."""
    page = opened("keys", shown_off, watch).page
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_menu_is_opened_and_left_by_keys(shown_off: Demonstration, watch: Visit) -> None:
    """Enter opens it, Tab goes through it, Escape closes it and leads back."""
    page = opened("keys", shown_off, watch).page
    summary = page.locator("details.menu summary")
    summary.focus()
    page.keyboard.press("Enter")
    for name in ("Policy", "Reports", "Credentials", "Variables", "Webhooks", "Audit log", "Your account"):
        page.keyboard.press("Tab")
        expect(page.locator("details.menu").get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Your account")).to_be_hidden()
    expect(summary).to_be_focused()
