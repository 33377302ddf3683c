"""Who gets in to pages: an owner of one workspace to nothing of another, by id, by name or by counting."""

import re
import uuid

import pytest

from tests.conformance.pages import CLOSED_PAGES, House, dump, form_for
from tests.conformance.routes import Declared
from tests.support.server import Running

WITH_ID = [page for page in CLOSED_PAGES if "{" in page.path and "{report}" not in page.path]
IDS_IN_THE_FORM = {"/keys/disable", "/keys/enable", "/keys/revoke"}
ENDED_ALREADY = {"/account/sign-ins/{sign_in_id}/end", "/people/invitations/{link_id}/withdraw"}
"""What is not there is answered as what has ended."""
LISTS = ("/", "/keys?status=all", "/chatflows", "/usage", "/people", "/account")


@pytest.fixture(scope="module")
def here(server: Running) -> House:
    """The workspace that is looked from."""
    return House(server, "pages here")


@pytest.fixture(scope="module")
def there(server: Running) -> House:
    """The workspace that is looked for."""
    return House(server, "pages there")


MOVES = re.compile(
    r'request <code>[^<]*|[0-9a-f-]{36}|value="[^"]*"|<td class="col-used".*?</td>|<time .*?</time>',
    re.DOTALL,
)
"""Ids, and what is said of times: a use before is stored some time later."""


def plain(text: str) -> str:
    """Return a page without what differs between any two calls."""
    return MOVES.sub("", text)


@pytest.mark.parametrize("page", WITH_ID, ids=str)
def test_another_workspaces_thing_has_no_page(page: Declared, here: House, there: House) -> None:
    """Flowise CVE-2026-56268, for pages: another's ids are answered as ids of nothing are, word for word."""
    before = dump(there.server)
    browser = here.browser(here.owner)
    path, arguments = form_for(page, there)
    found = browser.request(page.method, path, **arguments)
    assert found.status_code == (303 if page.path in ENDED_ALREADY else 404)
    nothing = path
    for name, value in there.ids.items():
        if "{" + name + "}" in page.path:
            nothing = nothing.replace(str(value), str(uuid.uuid4()))
    assert plain(browser.request(page.method, nothing, **arguments).text) == plain(found.text)
    assert dump(there.server) == before


@pytest.mark.parametrize("path", sorted(IDS_IN_THE_FORM))
def test_another_workspaces_key_is_not_reached_by_a_form(path: str, here: House, there: House) -> None:
    """An id in a form is looked up in the person's workspace alone."""
    before = dump(there.server)
    browser = here.browser(here.owner)
    answers = [
        browser.post(path, data={"ids": key, "confirmed": "yes", "confirm": "1"})
        for key in (there.ids["key_id"], str(uuid.uuid4()))
    ]
    assert answers[0].status_code == answers[1].status_code
    assert plain(answers[0].text) == plain(answers[1].text)
    assert dump(there.server) == before


@pytest.mark.parametrize("path", LISTS)
def test_no_page_holds_anything_of_another_workspace(path: str, here: House, there: House) -> None:
    """Neither a list, nor a search for another's names and ids, nor who is there."""
    browser = here.browser(here.owner)
    ids = [value for name, value in there.ids.items() if name.endswith("_id") and name != "job_id"]
    sought = [*ids, there.owner.person.email, there.tenant.key["keyName"], there.tenant.chatflow["name"]]
    for query in ("", there.tenant.key["keyName"], there.tenant.chatflow["name"], there.ids["key_id"]):
        text = browser.get(path, params={"search": query} if query else None).text
        assert [item for item in sought if item != query and item in text] == []


def test_a_chatflow_is_not_bound_across_the_wall(here: House, there: House) -> None:
    """Another's key is no key here, and another's chatflow none."""
    before = dump(there.server)
    browser = here.browser(here.owner)
    own, foreign = (f"/chatflows/{house.ids['chatflow_id']}/keys" for house in (here, there))
    assert browser.post(own, data={"key": there.ids["key_id"]}).status_code == 422
    assert browser.post(foreign, data={"key": here.ids["key_id"]}).status_code == 404
    new = form_for(next(page for page in CLOSED_PAGES if str(page) == "POST /keys/new"), here)[1]["data"]
    assert browser.post("/keys/new", data={**new, "chatflowIds": there.ids["chatflow_id"]}).status_code == 422
    assert dump(there.server) == before


def test_the_wall_was_tested_on_every_page() -> None:
    """A page with an id in its address is in the first test above; one without is a list, or one's own."""
    without = {str(page) for page in CLOSED_PAGES if "{" not in page.path}
    assert without == {
        "GET /account", "GET /executions",
        "GET /audit", "GET /audit/export", "GET /chatflows", "GET /chatflows/new",
        "GET /keys", "GET /keys/filter/chatflow",
        "GET /keys/new", "GET /keys/new/chatflows", "GET /people", "GET /people/invite",
        "POST /account/name", "POST /account/password", "POST /account/sign-ins/all/end",
        "POST /account/sign-ins/others/end", "POST /chatflows/new/documents", "POST /chatflows/new/export",
        "POST /chatflows/new/model", "POST /keys/disable", "POST /keys/enable", "POST /keys/new",
        "POST /keys/revoke", "POST /people/invite", "GET /policy", "POST /policy", "GET /reports",
        "GET /usage", "GET /webhooks", "GET /webhooks/new", "POST /webhooks/new",
        "GET /credentials", "GET /credentials/new", "POST /credentials/new",
        "GET /variables", "GET /variables/new", "POST /variables/new",
        "GET /customers", "GET /customers/new", "GET /keys/new/customers", "POST /customers/new",
    }  # fmt: skip
