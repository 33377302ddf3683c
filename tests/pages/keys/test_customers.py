"""Customers on pages: the whole way of one, in a browser."""

from playwright.sync_api import expect

from tests.pages.axe import assert_accessible
from tests.pages.browser import narrow
from tests.pages.conftest import Visit
from tests.support.flows import make_customer
from tests.support.people import person
from tests.support.server import Running


@narrow
def test_a_customer_is_made_gets_a_key_is_disabled_and_revoked(
    visit: Visit, server: Running, width: int
) -> None:
    """From the empty list to the end, by what a person sees and presses."""
    workspace = f"customers at {width}"
    window = visit("/customers", person(server, "owner", workspace=workspace), at=server, width=width)
    window.allow("status of 422")
    page, dialog = window.page, window.page.get_by_role("dialog")
    expect(page.get_by_role("heading", name="No customers yet")).to_be_visible()
    page.get_by_role("link", name="Create your first customer").click()
    dialog.get_by_label("Name").fill("Acme Ltd")
    dialog.get_by_label("Your own data").fill("no object")
    dialog.get_by_role("button", name="Create customer").click()
    expect(dialog.locator("#meta-error")).to_contain_text("JSON object")
    dialog.get_by_label("External id").fill("crm-1")
    dialog.get_by_label("Your own data").fill('{"plan": "gold"}')
    assert_accessible(page)
    dialog.get_by_role("button", name="Create customer").click()
    expect(page.get_by_role("heading", name="Acme Ltd")).to_be_visible()
    page.get_by_role("link", name="Create key").click()
    expect(dialog.get_by_label("Customer")).to_have_value("crm-1")
    dialog.get_by_role("textbox", name="Name").first.fill("Acme, production")
    dialog.get_by_role("button", name="Create key", exact=True).click()
    expect(dialog.get_by_role("heading", name="Key created")).to_be_visible()
    owner = server.owner(workspace)
    (key,) = owner.get("/apikey", params={"search": "Acme"}).json()
    assert key["customer"]["name"] == "Acme Ltd"
    page.goto(f"{server.url}/customers/{key['customerId']}")
    expect(page.get_by_role("link", name="Acme, production")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("all of its keys are refused")).to_be_visible()
    assert owner.get(f"/apikey/{key['id']}").json()["customer"]["status"] == "disabled"
    page.get_by_role("link", name="Revoke…").click()
    dialog.get_by_role("button", name="Revoke for good").click()
    dialog.get_by_label("Type the number of its keys").fill("1")
    dialog.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_text("Revoked for good, with all of its keys.")).to_be_visible()
    assert owner.get(f"/apikey/{key['id']}").json()["status"] == "revoked"
    page.get_by_role("link", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No customers yet")).to_be_visible()


def test_the_field_of_a_key_suggests_and_refuses(visit: Visit, server: Running) -> None:
    """What is typed is looked for; what is no customer's name is said beside the field."""
    workspace = "suggested customers"
    customer = make_customer(server.owner(workspace), "Contoso")
    window = visit("/keys/new", person(server, "owner", workspace=workspace), at=server)
    window.allow("status of 422")
    page = window.page
    page.get_by_label("Customer").press_sequentially("conto")
    expect(page.locator("#customer-choices option")).to_have_count(1)
    page.get_by_role("textbox", name="Name").first.fill("A key")
    page.get_by_role("button", name="Create key", exact=True).last.click()
    expect(page.locator("#customerId-error")).to_contain_text("There is no such customer")
    page.get_by_label("Customer").fill("contoso")
    page.get_by_role("button", name="Create key", exact=True).last.click()
    expect(page.get_by_role("heading", name="Key created")).to_be_visible()
    (key,) = server.owner(workspace).get("/apikey", params={"search": "A key"}).json()
    assert key["customerId"] == customer["id"]
