"""People in a browser: both themes, a phone, no scripts, and the whole way of somebody who comes and goes."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, narrow, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.people.team import Team
from tests.support.people import PASSWORD
from tests.support.server import Running

INVITATION = re.compile(r"http://127\.0\.0\.1:[0-9]+/invitation/[0-9A-Za-z_-]{43}")


def named(page: Page, name: str) -> Locator:
    """Return the row of somebody."""
    return page.get_by_role("row").filter(has_text=name)


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_people_and_their_dialogs_are_accessible(
    visit: Visit, server: Running, theme: str, width: int
) -> None:
    """The list with long names in other scripts, each dialog, a mistake in one, the link that is shown."""
    team = Team(server)
    team.add("member", name="محمد العربي " + "و" * 80, email=f"{'long' * 15}@{team.place.name}.example.com")
    bob = team.add("viewer", name="Bob 🦊")
    team.key(team.ada, "a key")
    window = visit("/people", team.ada, at=server, theme=theme, width=width)
    window.allow("status of 422")
    page, dialog = window.page, window.page.get_by_role("dialog")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for link, heading in (("Change Bob 🦊", "Bob 🦊"), ("Remove Bob 🦊", "Remove Bob 🦊?")):
        page.get_by_role("link", name=link).click()
        expect(dialog.get_by_role("heading", level=1)).to_have_text(heading)
        assert_accessible(page)
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(page.get_by_role("link", name=link)).to_be_focused()
    page.get_by_role("link", name="Invite").click()
    dialog.get_by_text("A member’s permissions").click()  # noqa: RUF001 - as it is written there
    assert_accessible(page)
    dialog.get_by_label("Email").fill(bob.person.email)
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.locator("#email-error")).to_contain_text("is here already")
    assert_accessible(page)
    dialog.get_by_label("Email").fill(f"new@{team.place.name}.example.com")
    dialog.get_by_role("button", name="Make the link").click()
    expect(dialog.get_by_role("heading", name="Send this link")).to_be_visible()
    assert_accessible(page)


@narrow
def test_each_dialog_is_a_page_too(visit: Visit, server: Running, width: int) -> None:
    """Opened in a tab of its own it is whole, accessible, and no wider than the window."""
    team = Team(server)
    bob = team.add("member", name="Bob")
    window = visit("/people/invite", team.ada, at=server, width=width)
    for path in ("/people/invite", f"/people/{bob.person.id}", f"/people/{bob.person.id}/remove"):
        page = window.go(path).page
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_permissions_are_asked_of_members_only(visit: Visit, server: Running) -> None:
    """Owners hold everything and viewers see everything: their boxes would mean nothing."""
    team = Team(server)
    page = visit("/people/invite", team.ada, at=server).page
    boxes = page.get_by_text("A member’s permissions")  # noqa: RUF001 - as it is written there
    expect(boxes).to_be_visible()
    page.get_by_label("Viewer").check()
    expect(boxes).to_be_hidden()
    page.get_by_label("Member").check()
    expect(boxes).to_be_visible()


def test_the_link_of_an_invitation_is_copied_and_then_gone(visit: Visit, server: Running) -> None:
    """One answer shows it. Escape does not lose it; closing does, and the list shows who is invited."""
    team = Team(server)
    window = visit("/people", team.ada, at=server)
    page, dialog = window.page, window.page.get_by_role("dialog")
    page.get_by_role("link", name="Invite").click()
    dialog.get_by_label("Email").fill(f"new@{team.place.name}.example.com")
    dialog.get_by_role("button", name="Make the link").click()
    link = dialog.locator("#invitation").inner_text()
    assert INVITATION.fullmatch(link)
    dialog.get_by_role("button", name="Copy the link").click()
    expect(dialog.get_by_role("button", name="Copy the link")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.keyboard.press("Escape")
    expect(dialog.get_by_role("heading", name="Send this link")).to_be_visible()
    dialog.get_by_role("link", name="Done").click()
    expect(named(page, f"new@{team.place.name}.example.com")).to_be_visible()
    secret = link.rpartition("/")[2]
    assert window.traces(secret) == [f"answer: POST {server.url}/people/invite"]


@pytest.mark.parametrize("javascript", [True, False])
def test_somebody_comes_and_goes(visit: Visit, own: Running, javascript: bool) -> None:
    """Set up → sign out → sign in → invite → accepted in another browser → demoted → removed → out."""
    link = own.do(own.runtime.links.set_up_link())
    ada = visit(f"/set-up/{link.reveal()}", at=own, javascript=javascript).page
    ada.get_by_label("Email").fill("ada@example.com")
    ada.get_by_label("Name").fill("Ada")
    ada.get_by_label("Password", exact=True).fill(PASSWORD)
    ada.get_by_role("button", name="Set up").click()
    ada.wait_for_url(re.compile(r"://[^/]+/$"))
    ada.locator("summary", has_text="Ada").click()
    ada.get_by_role("button", name="Sign out").click()
    ada.get_by_label("Email").fill("ada@example.com")
    ada.get_by_label("Password").fill(PASSWORD)
    ada.get_by_role("button", name="Sign in").click()
    ada.get_by_role("link", name="People").click()

    ada.get_by_role("link", name="Invite").click()
    ada.get_by_label("Email").fill("bob@example.com")
    ada.get_by_label("Member").check()
    ada.get_by_role("button", name="Make the link").click()
    invitation = ada.locator("#invitation").inner_text().removeprefix(own.url)
    ada.get_by_role("link", name="Done").click()
    expect(named(ada, "bob@example.com")).to_contain_text("Member")

    window = visit(invitation, at=own, javascript=javascript)
    bob = window.page
    bob.get_by_label("Name").fill("Bob")
    bob.get_by_label("Password", exact=True).fill(PASSWORD)
    bob.get_by_role("button", name="Accept").click()
    bob.wait_for_url(re.compile(r"://[^/]+/$"))
    expect(bob.get_by_role("link", name="Create")).not_to_have_count(0)
    expect(bob.get_by_role("link", name="People")).to_have_count(0)

    ada.reload()
    named(ada, "Bob").get_by_role("link", name="Change").click()
    ada.get_by_label("Viewer").check()
    ada.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("Bob is a viewer now.")).to_be_visible()
    bob.reload()
    expect(bob.get_by_role("link", name="Create")).to_have_count(0)
    window.allow("status of 403")
    bob.goto("/people")
    expect(bob.get_by_role("alert").get_by_text("users:manage")).to_be_visible()

    bob.goto("/keys")
    named(ada, "Bob").get_by_role("link", name="Remove").click()
    ada.get_by_role("button", name="Remove").click()
    expect(ada.get_by_text("Bob was removed.")).to_be_visible()
    expect(named(ada, "bob@example.com")).to_have_count(0)
    bob.reload()
    expect(bob.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Bob" not in bob.content()


def test_an_owner_who_removes_themselves_in_the_dialog_is_led_out(visit: Visit, server: Running) -> None:
    """The whole window goes to the sign-in, not the dialog."""
    team = Team(server)
    other = team.add("owner", name="Other")
    page = visit("/people", other, at=server).page
    named(page, "Other").get_by_role("link", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.wait_for_url("**/sign-in")
    expect(page.get_by_text("Your account was removed.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
