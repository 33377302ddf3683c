"""``/usage``: what is used, what fails, what runs out."""

from datetime import UTC, datetime, timedelta

from tests.pages.axe import assert_accessible
from tests.pages.forms import browse
from tests.pages.reading import words
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Running


def test_real_calls_are_drawn_and_told(server: Running, visit) -> None:
    """Given calls that ended well and one that was refused, plots are drawn, and the table says the same."""
    workspace = "usage drawn"
    owner = server.owner(workspace)
    chatflow = make_chatflow(owner, "Drawn chatflow")
    key = bound_key(owner, chatflow, "Drawn key")
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    make_key(owner, "Ends soon", expiresAt=soon)
    api = server.api(key["apiKey"])
    for _ in range(3):
        assert api.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"}).status_code == 200
    assert api.get("/auth/verify?permission=apikeys:view").status_code == 403
    page = visit("/usage", person(server, workspace=workspace)).page
    assert page.locator(".plot canvas").count() == 2
    assert page.locator(".figures dd").all_inner_texts()[:4] == ["4", "3", "1", "0"]
    assert page.get_by_text("Ends soon").is_visible()
    page.get_by_text("The same as a table").click()
    numbers = page.locator("table[data-usage] tbody tr").evaluate_all(
        "rows => rows.map(row => [row.dataset.ok, row.dataset.refused])"
    )
    assert len(numbers) == 24
    assert sum(int(ok) for ok, _ in numbers) == 3
    assert sum(int(refused) for _, refused in numbers) == 1
    assert_accessible(page)
    page.get_by_role("link", name="Drawn key").click()
    page.wait_for_url("**/keys/*/usage*")
    assert page.locator("h1").inner_text() == "Usage of Drawn key"
    page.get_by_role("link", name="30 days").click()
    page.wait_for_url("**period=30d")
    assert page.locator("table[data-usage] tbody tr").count() == 30
    assert page.locator(".plot canvas").count() == 2
    assert_accessible(page)


def test_without_a_call_it_says_what_is_counted(server: Running) -> None:
    """An empty state, and no plot; a period that there is not is the usual one."""
    workspace = "usage of nothing"
    make_chatflow(server.owner(workspace))
    browser = browse(server, person(server, workspace=workspace))
    page = browser.get("/usage", params={"period": "for ever"})
    assert page.status_code == 200
    assert "No call in this time." in words(page)
    assert "data-plot" not in page.text
    assert "No key expires within 14 days." in words(page)


def test_another_workspaces_are_not_there(server: Running) -> None:
    """Neither its key nor its chatflow."""
    owner = server.owner("usage elsewhere")
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    browser = browse(server, person(server, workspace="usage of nothing"))
    assert browser.get(f"/keys/{key['id']}/usage").status_code == 404
    assert browser.get(f"/chatflows/{chatflow['id']}/usage").status_code == 404
