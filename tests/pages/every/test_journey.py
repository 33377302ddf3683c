"""The whole way through, in a browser: from the set-up link to a key that is revoked."""

import re

from playwright.sync_api import Locator, Page, expect

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.chatflows.input import ChatflowPatch
from tests.pages.axe import assert_accessible
from tests.pages.conftest import Visit
from tests.support.flows import exported
from tests.support.server import Running

PASSWORD = "a password for the journey"


def chatflow(server: Running, name: str) -> str:
    """Make a chatflow as the operator does, without a key, and return its id."""
    caller = Caller(operator(server.workspace()))
    patch = ChatflowPatch(name=name, type=ChatflowType.AGENTFLOW, flow_data=exported())
    made: str = server.do(server.runtime.chatflows.create(caller, patch)).chatflow.id
    return made


def asked(server: Running, token: str, chatflow_id: str) -> tuple[int, str | None]:
    """Call a chatflow with a token; return the status and, of a refusal, the code."""
    answer = server.api(token).post(f"/prediction/{chatflow_id}", json={"question": "Hello"})
    return answer.status_code, answer.json().get("code")


def row(page: Page, name: str) -> Locator:
    """Return a key's row in the list."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_from_the_set_up_link_to_a_revoked_key(visit: Visit, own: Running) -> None:
    """Set up → empty state → create → copied, once → edit → disable → enable → revoke."""
    first, second = (chatflow(own, name) for name in ("Support answers", "Internal wiki"))
    link = own.do(own.runtime.links.set_up_link())
    window = visit(f"/set-up/{link.reveal()}", at=own)
    page = window.page
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="From here to the first call")).to_be_visible()
    page.get_by_role("link", name="API keys", exact=True).click()
    page.wait_for_url("**/keys")
    expect(page.get_by_role("heading", name="No keys yet")).to_be_visible()
    page.get_by_role("link", name="Create your first key").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    dialog.get_by_label("Name", exact=True).fill("Production backend")
    dialog.get_by_label("Support answers").check()
    dialog.get_by_label("Internal wiki").check()
    expect(dialog.get_by_label("90 days")).to_be_checked()
    dialog.get_by_role("button", name="Create key").click()

    token = dialog.locator("#new-token").inner_text()
    assert re.fullmatch(r"fl-[0-9A-Za-z]{32}", token)
    dialog.get_by_role("button", name="Copy the key").click()
    expect(dialog.get_by_role("button", name="Copy the key")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == token
    page.evaluate("navigator.clipboard.writeText('')")
    assert asked(own, token, first) == (200, None)
    assert asked(own, token, second) == (200, None)
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("heading", name="Key created")).to_be_visible()

    shown_in = window.traces(token)
    page.reload()
    expect(row(page, "Production backend")).to_contain_text("active")
    # The one answer that showed it is all there is: not the DOM, storage, history or an address.
    assert [trace for trace in shown_in if trace.startswith("answer:")] == [
        f"answer: POST {own.url}/keys/new"
    ]
    assert window.traces(token) == [f"answer: POST {own.url}/keys/new"]

    row(page, "Production backend").get_by_role("link", name="Edit").click()
    dialog.get_by_label("Name", exact=True).fill("Renamed backend")
    dialog.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("status").first).to_contain_text("was saved")
    expect(row(page, "Renamed backend")).to_contain_text("active")
    assert asked(own, token, first) == (200, None)

    row(page, "Renamed backend").get_by_role("button", name="Disable").click()
    expect(row(page, "Renamed backend")).to_contain_text("disabled")
    assert asked(own, token, first) == (401, "disabled_key")

    row(page, "Renamed backend").get_by_role("button", name="Enable").click()
    expect(row(page, "Renamed backend")).to_contain_text("active")
    assert asked(own, token, first) == (200, None)
    own.do(own.runtime.usage.flush())

    row(page, "Renamed backend").get_by_role("link", name="Revoke").click()
    expect(dialog).to_contain_text("Last used")
    expect(dialog).to_contain_text("Support answers")
    assert_accessible(page)
    dialog.get_by_label("Type the name of the key to confirm").fill("Renamed backend")
    dialog.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_role("status").first).to_contain_text("was revoked")
    assert asked(own, token, first) == (401, "revoked_key")
    page.goto("/keys?status=all")
    expect(row(page, "Renamed backend")).to_contain_text("revoked")
    assert window.traces(token) == [f"answer: POST {own.url}/keys/new"]
