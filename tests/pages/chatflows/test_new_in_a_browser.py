"""New chatflows in a browser: what is shown of files, how far an import is, what stays after a refusal."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import NARROW, WIDE
from tests.pages.chatflows.new_chatflow import NEW, Gate, many
from tests.pages.conftest import Visit
from tests.support.flows import exported
from tests.support.people import person
from tests.support.server import Running

MAKE = "Make the chatflow"
both_looks = pytest.mark.parametrize(
    ("theme", "width"), [("light", WIDE), pytest.param("dark", NARROW, marks=pytest.mark.slow)]
)
"""Each theme at one of the widths."""


def given(files: list[tuple[str, bytes]]) -> list[Any]:
    """Return files as a person would choose them."""
    return [{"name": name, "mimeType": "text/markdown", "buffer": content} for name, content in files]


def make(page: Page) -> None:
    """Press the button."""
    page.get_by_role("button", name=MAKE).click()


@both_looks
@pytest.mark.parametrize("way", ["documents", "model", "export"])
def test_the_forms_are_accessible_and_fit(
    visit: Visit, server: Running, way: str, theme: str, width: int
) -> None:
    """At each width and in each theme nothing is wrong, and nothing is cut off."""
    page = visit(f"{NEW}?way={way}", person(server), theme=theme, width=width).page
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_progress_moves_and_leads_to_the_chatflow(
    visit: Visit, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without loading the page again, with a bar that says how far it is."""
    gate = Gate(server, monkeypatch)
    page = visit(f"{NEW}?way=documents", person(server, "member")).page
    page.get_by_label("Name").fill("Many")
    page.get_by_label("Files", exact=True).set_input_files(given(many(40)))
    expect(page.locator("[data-chosen]")).to_have_text(re.compile("Chosen: 40 files"))
    make(page)
    expect(page.get_by_text("Read 0 of 40 files…")).to_be_visible()
    assert_accessible(page)
    page.evaluate("window.sameDocument = true")
    gate.let(12)
    expect(page.get_by_text("Read 12 of 40 files…")).to_be_visible()
    assert page.get_by_role("progressbar").evaluate("bar => [bar.value, bar.max]") == [12, 40]
    assert page.evaluate("window.sameDocument")
    gate.let(28)
    expect(page).to_have_url(re.compile("/chatflows/[0-9a-f-]{36}$"))
    expect(page.get_by_text("“Many” was made. It answers nobody until you bind a key.")).to_be_visible()


def test_without_scripts_the_page_of_an_import_loads_itself_until_the_end(
    visit: Visit, server: Running
) -> None:
    """And goes to the chatflow."""
    page = visit(f"{NEW}?way=documents", person(server, "member"), javascript=False).page
    page.get_by_label("Name").fill("Plain")
    page.get_by_label("Files", exact=True).set_input_files(given(many(20)))
    make(page)
    expect(page).to_have_url(re.compile("/chatflows/[0-9a-f-]{36}$"))
    expect(page.get_by_text("“Plain” was made.")).to_be_visible()


@both_looks
def test_files_that_could_not_be_read_are_shown_at_the_end(
    visit: Visit, server: Running, theme: str, width: int
) -> None:
    """As text, whatever their names are; the chatflow is one step away."""
    names = ["<img src=x onerror=alert(1)>.exe", "שלום.exe", "🐋" * 50 + ".exe"]
    page = visit(f"{NEW}?way=documents", person(server, "member"), theme=theme, width=width).page
    page.get_by_label("Name").fill("<img src=x onerror=alert(1)>")
    page.get_by_label("Files", exact=True).set_input_files(
        given([*many(1), *((name, b"MZ") for name in names)])
    )
    make(page)
    for name in names:
        expect(page.get_by_text(f"{name}: files of this kind cannot be read")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    page.get_by_role("link", name="Go to the chatflow").click()
    expect(page).to_have_url(re.compile("/chatflows/[0-9a-f-]{36}$"))


def test_what_was_typed_and_chosen_is_kept_when_something_is_wrong(visit: Visit, server: Running) -> None:
    """The files too: the form need not be filled in again, and the second try works."""
    window = visit(f"{NEW}?way=documents", person(server, "member"))
    window.allow("status of 422")
    page = window.page
    page.get_by_label("Name").fill("Kept")
    page.get_by_label("Files", exact=True).set_input_files(given(many(3)))
    page.get_by_text("Let a model word the answers").click()
    page.get_by_label("Base URL").fill("http://127.0.0.1:1/v1")
    page.get_by_label("Model (optional)").fill("m")
    make(page)
    expect(page.get_by_text("is not a public address")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="another look")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("Kept")
    expect(page.locator("[data-chosen]")).to_have_text(re.compile("Chosen: 3 files"))
    assert_accessible(page)
    page.get_by_label("Base URL").fill("")
    page.get_by_label("Model (optional)").fill("")
    make(page)
    expect(page).to_have_url(re.compile("/chatflows/[0-9a-f-]{36}$"))


def test_too_much_is_said_before_anything_is_sent(visit: Visit, start: Any) -> None:
    """With what was chosen and what is allowed; the form is not sent."""
    own = start(max_upload_bytes=100_000)
    window = visit(f"{NEW}?way=documents", person(own, "member"), at=own)
    window.page.get_by_label("Name").fill("N")
    window.page.get_by_label("Files", exact=True).set_input_files(given([("big.md", b"x" * 200_000)]))
    expect(window.page.get_by_text("This is 195 kB, and at most 98 kB can be sent at once.")).to_be_visible()
    make(window.page)
    assert [request.url for request in window.requests if request.method == "POST"] == []


def test_an_export_gives_the_name_and_becomes_a_chatflow(
    visit: Visit, server: Running, tmp_path: Path
) -> None:
    """As long as the person has typed none."""
    file = tmp_path / "Help desk Chatflow.json"
    file.write_text(exported(), "utf-8")
    page = visit(f"{NEW}?way=export", person(server, "member")).page
    page.get_by_label("File", exact=True).set_input_files(file)
    expect(page.get_by_label("Name")).to_have_value("Help desk")
    make(page)
    expect(page.get_by_text("“Help desk” was made.")).to_be_visible()


def test_a_lost_connection_is_said_and_the_form_stays(visit: Visit, server: Running) -> None:
    """Files and words included."""
    window = visit(f"{NEW}?way=documents", person(server, "member"))
    for message in ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"):
        window.allow(message)
    page = window.page
    page.get_by_label("Name").fill("N")
    page.get_by_label("Files", exact=True).set_input_files(given(many(1)))
    window.context.set_offline(True)
    make(page)
    expect(page.get_by_text("The server cannot be reached.")).to_be_visible()
    expect(page.get_by_role("button", name=MAKE)).to_be_enabled()
    window.context.set_offline(False)
    make(page)
    expect(page).to_have_url(re.compile("/chatflows/[0-9a-f-]{36}$"))


def test_the_keyboard_alone_makes_a_chatflow(visit: Visit, server: Running) -> None:
    """From the tab of the way to the button."""
    page = visit(NEW, person(server, "member", workspace="by the keyboard")).page
    page.get_by_role("link", name="Flowise export").focus()
    page.keyboard.press("Enter")
    page.get_by_label("File", exact=True).set_input_files(given([("Keys.json", exported().encode())]))
    page.get_by_label("File", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=MAKE)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Keys” was made.")).to_be_visible()
