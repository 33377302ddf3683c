"""Binding, unbinding, public or closed, another name, and the end of a chatflow."""

import json

import httpx
import pytest
from playwright.sync_api import expect

from flowkeys.bootstrap import clock
from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.pages.reading import browse, words
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS, until


@pytest.fixture(scope="module")
def who(server: Running) -> SignedIn:
    """An owner."""
    return person(server)


@pytest.fixture(scope="module")
def viewer(server: Running) -> SignedIn:
    """Somebody who may change nothing."""
    return person(server, "viewer")


@pytest.fixture
def chatflow(owner: Api) -> dict:
    """An echo that nobody may call."""
    return make_chatflow(owner)


def here(chatflow: dict, below: str = "") -> str:
    """Return the address of a chatflow's page, or of one below it."""
    return f"/chatflows/{chatflow['id']}{below}"


def send(who: SignedIn, path: str, **fields: str) -> httpx.Response:
    """Send a form, as a browser without scripts does."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}  # which browsers send with an empty form too
    with browse(who, **kind) as browser:
        return browser.post(path, data=fields)


def status(server: Running, chatflow: dict, key: dict | None = None) -> int:
    """Return what a call is answered with."""
    api = server.api(key["apiKey"] if key else None)
    return api.post(f"/prediction/{chatflow['id']}", json={"question": "hi"}).status_code


def test_a_bound_key_opens_the_chatflow_at_once(
    server: Running, who: SignedIn, owner: Api, chatflow: dict
) -> None:
    """And the page says so."""
    key = make_key(owner, "Website")
    answer = send(who, here(chatflow, "/keys"), key=key["id"])
    assert (answer.status_code, answer.headers["location"]) == (303, here(chatflow))
    assert status(server, chatflow, key) == 200


def test_keys_are_found_by_name_and_those_bound_are_not_offered(
    who: SignedIn, owner: Api, chatflow: dict
) -> None:
    """Nor those that are revoked."""
    free, gone = make_key(owner, "Findable free"), make_key(owner, "Findable gone")
    bound_key(owner, chatflow, "Findable bound")
    owner.delete(f"/apikey/{gone['id']}")
    with browse(who) as browser:
        page = browser.get(here(chatflow, "/keys/bind"), params={"search": "FINDABLE"})
    assert free["id"] in page.text
    assert "Findable bound" not in page.text
    assert gone["id"] not in page.text


def test_many_bound_keys_do_not_hide_those_that_are_free(own: Running) -> None:
    """However many are bound, as many free ones are offered as there are."""
    owner = own.owner()
    chatflow = make_chatflow(owner)
    for number in range(30):
        bound_key(owner, chatflow, f"A {number:02}")
    for number in range(3):
        make_key(owner, f"B {number}")
    with browse(person(own)) as browser:
        page = words(browser.get(here(chatflow, "/keys/bind")))
    assert all(f"B {number}" in page for number in range(3))


def test_binding_nothing_says_what_to_do(who: SignedIn, owner: Api, chatflow: dict) -> None:
    """Beside the choice."""
    make_key(owner)
    answer = send(who, here(chatflow, "/keys"))
    assert answer.status_code == 422
    assert "Choose a key." in words(answer)


def test_a_revoked_key_is_refused_in_words(who: SignedIn, owner: Api, chatflow: dict) -> None:
    """It was revoked after the page was opened."""
    key = make_key(owner)
    owner.delete(f"/apikey/{key['id']}")
    answer = send(who, here(chatflow, "/keys"), key=key["id"])
    assert answer.status_code == 422
    assert "There is no such key, or it is revoked." in words(answer)


def test_a_key_that_holds_more_can_neither_be_chosen_nor_bound(
    server: Running, owner: Api, chatflow: dict
) -> None:
    """The page says why; who sends it all the same is refused, and nothing changes."""
    member = person(server, "member")
    key = make_key(owner, "Mighty one", permissions=["users:manage"])
    with browse(member) as browser:
        page = browser.get(here(chatflow, "/keys/bind"), params={"search": "Mighty one"})
    assert f'value="{key["id"]}" required disabled' in page.text
    assert send(member, here(chatflow, "/keys"), key=key["id"]).status_code == 403
    assert status(server, chatflow, key) == 403


def test_binding_ends_being_public(server: Running, who: SignedIn, owner: Api) -> None:
    """The page says it before, and it is so after."""
    chatflow = make_chatflow(owner, isPublic=True)
    key = make_key(owner)
    with browse(who) as browser:
        assert "Binding a key ends that" in words(browser.get(here(chatflow, "/keys/bind")))
    send(who, here(chatflow, "/keys"), key=key["id"])
    assert status(server, chatflow) == 401


def test_an_unbound_key_is_refused_at_once(
    server: Running, who: SignedIn, owner: Api, chatflow: dict
) -> None:
    """Asked first, with what it means when it is the last."""
    key = bound_key(owner, chatflow, "Website")
    path = here(chatflow, f"/keys/{key['id']}/unbind")
    with browse(who) as browser:
        assert "nobody will be able to call it" in words(browser.get(path))
    assert send(who, path).status_code == 303
    assert status(server, chatflow, key) == 403


def test_making_it_public_warns_first(server: Running, who: SignedIn, chatflow: dict) -> None:
    """Looking at the question changes nothing; the answer does."""
    with browse(who) as browser:
        page = browser.get(here(chatflow, "/public"))
    assert "Anybody who knows this address can then call the chatflow, without a key" in words(page)
    assert status(server, chatflow) == 401
    assert send(who, here(chatflow, "/public")).status_code == 303
    assert status(server, chatflow) == 200


def test_closing_it_takes_one_button(server: Running, who: SignedIn, owner: Api) -> None:
    """Nobody gets in without a key from then on."""
    chatflow = make_chatflow(owner, isPublic=True)
    assert send(who, here(chatflow, "/closed")).status_code == 303
    assert status(server, chatflow) == 401


def test_limits_that_cannot_be_read_keep_it_closed(server: Running, who: SignedIn, owner: Api) -> None:
    """In the service's words."""
    limits = json.dumps({"rateLimit": {"status": True, "limitMax": "some"}})
    chatflow = make_chatflow(owner, apiConfig=limits)
    answer = send(who, here(chatflow, "/public"))
    assert answer.status_code == 422
    assert "the rate limit needs limitMax" in words(answer)
    assert status(server, chatflow) == 401


def test_another_name_is_shown(who: SignedIn, owner: Api, chatflow: dict) -> None:
    """Trimmed, as the service does it."""
    assert send(who, here(chatflow, "/rename"), name="  Renamed ").status_code == 303
    assert owner.get(f"/chatflows/{chatflow['id']}").json()["name"] == "Renamed"


@pytest.mark.parametrize("name", ["", "x" * 256, "a\x07b"])
def test_a_name_that_is_none_is_told_beside_the_field(
    who: SignedIn, owner: Api, chatflow: dict, name: str
) -> None:
    """What was typed is kept; the chatflow keeps its name."""
    answer = send(who, here(chatflow, "/rename"), name=name)
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text
    assert f'value="{name}"' in answer.text
    assert owner.get(f"/chatflows/{chatflow['id']}").json()["name"] == chatflow["name"]


def test_one_that_was_never_called_is_deleted_without_its_name(
    who: SignedIn, owner: Api, chatflow: dict
) -> None:
    """Its keys stay."""
    key = bound_key(owner, chatflow)
    answer = send(who, here(chatflow, "/delete"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/chatflows")
    assert owner.get(f"/chatflows/{chatflow['id']}").status_code == 404
    assert owner.get(f"/apikey/{key['id']}").json()["chatFlows"] == []


def test_one_that_was_called_lately_is_deleted_by_its_name_alone(
    server: Running, who: SignedIn, owner: Api
) -> None:
    """Nothing typed, or something else, changes nothing."""
    chatflow = make_chatflow(owner, "In Use")
    key = bound_key(owner, chatflow, "Website")
    status(server, chatflow, key)
    with browse(who) as browser:
        page = words(browser.get(here(chatflow, "/delete")))
    assert "Type the name of the chatflow to confirm" in page
    assert "The one conversation with it is deleted too." in page
    assert "1 key opens it: Website" in page
    for typed in ("", "in use"):
        answer = send(who, here(chatflow, "/delete"), confirm=typed)
        assert answer.status_code == 422
        assert "This is not the name." in words(answer)
    assert status(server, chatflow, key) == 200
    assert send(who, here(chatflow, "/delete"), confirm=" In Use ").status_code == 303
    assert owner.get(f"/chatflows/{chatflow['id']}").status_code == 404


def test_one_that_was_called_long_ago_needs_no_name(
    server: Running, who: SignedIn, owner: Api, chatflow: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight days after its last call."""
    status(server, chatflow, bound_key(owner, chatflow))
    from flowkeys.service.forms import confirmation

    monkeypatch.setattr(confirmation, "RECENT", 1)
    called = clock()
    until(lambda: clock() > called + 1, "the next moment")
    assert send(who, here(chatflow, "/delete")).status_code == 303


POSTS = ("/keys", "/keys/{key}/unbind", "/public", "/closed", "/rename", "/delete", "/try")
FIELDS = {"name": "Taken over", "question": "hi", "confirm": "Guarded"}


@pytest.fixture
def guarded(owner: Api) -> tuple[dict, dict, dict]:
    """A chatflow, a key that is bound to it, and one that is not."""
    chatflow = make_chatflow(owner, "Guarded")
    return chatflow, bound_key(owner, chatflow), make_key(owner)


def unchanged(owner: Api, chatflow: dict, bound: dict) -> bool:
    """Tell whether a chatflow is as it was, and was asked nothing."""
    now = owner.get(f"/chatflows/{chatflow['id']}").json()
    asked = owner.get(f"/chatflows/{chatflow['id']}/messages").json()["total"]
    return (now["name"], now["isPublic"], now["apiKeyIds"], asked) == ("Guarded", False, [bound["id"]], 0)


@pytest.mark.parametrize("path", POSTS)
def test_a_viewer_changes_nothing(
    viewer: SignedIn, owner: Api, guarded: tuple[dict, dict, dict], path: str
) -> None:
    """Every form is refused with 403."""
    chatflow, bound, free = guarded
    answer = send(viewer, here(chatflow, path.format(key=bound["id"])), **FIELDS, key=free["id"])
    assert answer.status_code == 403
    assert unchanged(owner, chatflow, bound)


@pytest.mark.parametrize("path", POSTS)
def test_a_forged_request_changes_nothing(
    who: SignedIn, owner: Api, guarded: tuple[dict, dict, dict], path: str
) -> None:
    """With the owner's cookie, from another site."""
    chatflow, bound, free = guarded
    with browse(who, Origin="https://elsewhere.example") as browser:
        address = here(chatflow, path.format(key=bound["id"]))
        answer = browser.post(address, data={**FIELDS, "key": free["id"]})
    assert answer.status_code == 403
    assert unchanged(owner, chatflow, bound)


@pytest.mark.parametrize("path", POSTS)
def test_nobody_signed_in_changes_nothing(
    server: Running, owner: Api, guarded: tuple[dict, dict, dict], path: str
) -> None:
    """They are asked to sign in."""
    chatflow, bound, _ = guarded
    address = server.url + here(chatflow, path.format(key=bound["id"]))
    answer = httpx.post(
        address, data=FIELDS, headers={"Origin": server.url}, trust_env=False, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code == 401
    assert unchanged(owner, chatflow, bound)


def test_binding_in_the_dialog(
    server: Running, who: SignedIn, owner: Api, chatflow: dict, visit: Visit
) -> None:
    """Search, choose, bind: the page shows the key, and says what was done."""
    key = make_key(owner, "Dialog key")
    page = visit(here(chatflow), who).page
    page.get_by_role("link", name="Bind a key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Search by name or last four characters").press_sequentially("dialog k")
    expect(dialog.get_by_role("radio")).to_have_count(1)
    dialog.get_by_label("Dialog key").check()
    dialog.get_by_role("button", name="Bind the key").click()
    expect(page.get_by_role("status").filter(has_text="“Dialog key” opens “Echo” now.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Dialog key")).to_be_visible()
    assert status(server, chatflow, key) == 200


def test_binding_from_the_list_leads_back_to_the_list(own: Running, visit: Visit) -> None:
    """As it was filtered."""
    owner = own.owner()
    make_chatflow(owner, "Lonely")
    page = visit("/chatflows?search=lone", person(own), at=own).page
    page.get_by_role("link", name="bind a key").click()
    page.get_by_role("dialog").get_by_role("radio").first.check()
    page.get_by_role("button", name="Bind the key").click()
    expect(page.get_by_role("status").filter(has_text="opens “Lonely” now.")).to_be_visible()
    expect(page).to_have_url(f"{own.url}/chatflows?search=lone")


def test_a_wrong_name_in_the_dialog_is_told_there(
    server: Running, who: SignedIn, owner: Api, visit: Visit
) -> None:
    """The dialog stays, what was typed stays, and the right name ends it."""
    chatflow = make_chatflow(owner, "Busy")
    status(server, chatflow, bound_key(owner, chatflow))
    window = visit(here(chatflow), who)
    window.allow("status of 422")
    page = window.page
    page.get_by_role("link", name="Delete").click()
    field = page.get_by_label("Type the name of the chatflow to confirm")
    field.fill("Bus")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("dialog").get_by_text("This is not the name.")).to_be_visible()
    expect(field).to_have_value("Bus")
    field.fill("Busy")
    page.get_by_role("button", name="Delete for good").click()
    expect(page).to_have_url(f"{server.url}/chatflows")


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_the_questions_are_accessible_and_fit(
    who: SignedIn, owner: Api, visit: Visit, theme: str, width: int
) -> None:
    """As pages, with a name of a hundred characters."""
    chatflow = make_chatflow(owner, "x" * 100)
    key = bound_key(owner, chatflow, "y" * 100)
    make_key(owner, "z" * 100)
    window = visit("/chatflows", who, theme=theme, width=width)
    for below in ("/keys/bind", f"/keys/{key['id']}/unbind", "/public", "/rename", "/delete"):
        window.go(here(chatflow, below))
        assert_accessible(window.page)
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), below


@pytest.mark.parametrize("below", ["/keys/bind", "/keys"])
def test_who_may_not_see_keys_binds_none(server: Running, owner: Api, chatflow: dict, below: str) -> None:
    """Neither is one offered, nor is one bound that they know the id of: a refusal has done nothing."""
    blind = person(server, "member", permissions=("chatflows:view", "chatflows:update"))
    key = make_key(owner, "Unseen")
    with browse(blind) as browser:
        path = here(chatflow, below)
        answer = browser.get(path) if below.endswith("bind") else send(blind, path, key=key["id"])
    assert answer.status_code == 403
    assert "Unseen" not in answer.text
    assert status(server, chatflow, key) == 403
