"""What is done on a page before it is looked at: a dialog opened, a form sent, something asked."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Route

from flowkeys.flows.drafts.templates import reply_flow

Step = Callable[[Page], object]

MANY_FILES = 400
"""So many that reading them takes longer than looking at the page which says how far it is."""
WORDS = "Keys open chatflows, and nothing else. " * 60


def open_dialog(name: str) -> Step:
    """Return what opens the dialog behind a link or button of this name."""

    def then(page: Page) -> None:
        _control(page, name).click()
        page.get_by_role("dialog").get_by_role("heading", level=1).wait_for()

    return then


def send(button: str, heading: str = "", **fields: str) -> Step:
    """Return what fills in fields, by the names that the form gives them, and sends the form.

    It waits for a heading, or for an error when there is none. In an open dialog all of it happens there.
    """

    def then(page: Page) -> None:
        place = _place(page)
        for name, value in fields.items():
            place.locator(f"[name='{name}']").first.fill(value)
        _control(page, button).click()
        awaited = page.get_by_role("heading", name=heading) if heading else page.get_by_role("alert")
        awaited.first.wait_for()

    return then


def choose(label: str) -> Step:
    """Return what ticks a box or chooses one of several."""
    return lambda page: _place(page).get_by_label(re.compile(rf"^\s*{label}")).first.check()


def both(*steps: Step) -> Step:
    """Return what takes several steps."""

    def then(page: Page) -> None:
        for step in steps:
            step(page)

    return then


def unfold(page: Page) -> None:
    """Open all that is folded, down to what is folded inside of it."""
    page.evaluate(
        "document.querySelectorAll('main details, dialog details').forEach((x) => { x.open = true })"
    )


def open_menu(page: Page) -> None:
    """Open the menu with one's own name on it."""
    page.locator("details.menu summary").click()


def choose_keys(page: Page) -> None:
    """Tick the first three keys of the list."""
    for box in page.locator("tbody input[name=ids]").all()[:3]:
        box.check()


def lose_keys(page: Page) -> None:
    """Have the ticked boxes stand for keys that are there no more."""
    boxes = page.locator("tbody input[name=ids]:checked")
    boxes.evaluate_all("(boxes) => boxes.forEach((box) => { box.value = 'gone-' + box.value })")


def send_before(page: Page) -> None:
    """Send the form of the page behind its back: what it is sent for next was done already."""
    page.evaluate(
        """() => {
            const form = document.querySelector("main form");
            form.keyName.value = "Made twice";
            return fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))});
        }"""
    )


def ask(question: str) -> Step:
    """Return what asks the chatflow, and unfolds what the answer rests on."""

    def then(page: Page) -> None:
        page.get_by_label("Your question").fill(question)
        page.get_by_role("button", name="Ask").click()
        page.get_by_role("button", name="Stop").wait_for(state="hidden")
        page.locator("[data-try-log] summary[data-sources-title]:visible").first.click()

    return then


def give_file(field: str, name: str, text: str) -> Step:
    """Return what chooses a file."""
    return lambda page: page.set_input_files(f"#{field}", _file(name, text))


def export(answer: str) -> str:
    """Return an export of a chatflow that always answers the same."""
    return reply_flow(answer)


def foreign_export() -> str:
    """Return an export with a node that this server does not have."""
    flow = json.loads(reply_flow("Your order is on its way."))
    flow["nodes"][1]["data"].update(name="iterationAgentflow", label="Iteration")
    return json.dumps(flow)


def begin_import(page: Page) -> None:
    """Send many files, and stay on the page that says how far it is: it asks, and gets no answer."""

    def hold(route: Route) -> None:
        if "hx-request" not in route.request.headers:
            route.continue_()

    page.route("**/chatflows/new/jobs/*", hold)
    files = [_file(f"page-{number}.md", f"# Page {number}\n\n{WORDS}") for number in range(MANY_FILES)]
    page.locator("[name=name]").fill("Handbook")
    page.set_input_files("#files", files)
    page.get_by_role("button", name="Make the chatflow").click()
    page.get_by_role("heading", name="Making Handbook").wait_for()


def import_with_errors(page: Page) -> None:
    """Send three files of which one cannot be read, and wait for what is said of them."""
    page.locator("[name=name]").fill("Handbook")
    files = [_file("guide.md", "# Guide\n\nKeys."), _file("news.txt", "None."), _file("broken.pdf", "%PDF-")]
    page.set_input_files("#files", files)
    page.get_by_role("button", name="Make the chatflow").click()
    page.get_by_text("could not be read:").or_(page.get_by_text("This is why")).first.wait_for()


def _place(page: Page) -> Locator:
    """Return what can be reached: the dialog while it is open."""
    return page.locator("dialog[open]" if page.locator("dialog[open]").count() else "body")


def _control(page: Page, name: str) -> Locator:
    """Return the link or button of this name, or else the first whose name has this in it."""
    found = [
        place.get_by_role("link", name=name, exact=is_exact).or_(
            place.get_by_role("button", name=name, exact=is_exact)
        )
        for place in [_place(page)]
        for is_exact in (True, False)
    ]
    return next((controls for controls in found if controls.count()), found[0]).first


def _file(name: str, text: str) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
