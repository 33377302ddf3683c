"""``/keys/{id}/edit``: what was not touched stays, and two people do not overwrite each other."""

from typing import Any

import httpx
import pytest

from tests.pages.forms import browse, fields, offered
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running
from tests.support.waiting import until


@pytest.fixture(scope="module")
def pages(server: Running) -> Api:
    """An owner's browser."""
    return browse(server, person(server))


def save(pages: httpx.Client, key: dict, shown: dict | None = None, **changes: Any) -> httpx.Response:
    """Send the form of a key as it is shown, or was, with some of it changed."""
    form = shown or fields(pages.get(f"/keys/{key['id']}/edit"))
    return pages.post(f"/keys/{key['id']}/edit", data={**form, "do": ["save"], **changes})


def now(owner: Api, key: dict) -> dict:
    """Return the key as it is now."""
    found: dict = owner.get(f"/apikey/{key['id']}").json()
    return found


def test_a_form_that_is_sent_untouched_changes_nothing(owner: Api, pages: Api) -> None:
    """Every field shows what is; an expiry to the millisecond survives, as does a verb without its view."""
    key = bound_key(
        owner,
        make_chatflow(owner),
        permissions=["apikeys:create", "templates:custom"],
        expiresAt="2099-03-01T12:34:56.789Z",
        note="two\nlines",
    )
    before = now(owner, key)
    assert save(pages, key).status_code == 303
    assert now(owner, key) == before


def test_what_is_changed_is_saved(owner: Api, pages: Api) -> None:
    """All fields at once, and the list says what was done."""
    old, new = make_chatflow(owner, "Old"), make_chatflow(owner, "New")
    key = bound_key(owner, old, note="old", permissions=["executions:view"])
    answer = save(
        pages,
        key,
        keyName=["Renamed"],
        note=[""],
        chatflowIds=[new["id"]],
        permissions=["apikeys:update"],
        expires=["date"],
        expiresOn=["2099-01-31"],
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/keys")
    after = now(owner, key)
    assert (after["keyName"], after["note"], after["expiresAt"]) == (
        "Renamed",
        None,
        "2099-01-31T23:59:59.999Z",
    )
    assert [item["id"] for item in after["chatFlows"]] == [new["id"]]
    assert after["permissions"] == ["apikeys:update", "apikeys:view"]


def test_a_saved_key_leads_back_to_the_list_as_it_was(server: Running, owner: Api, pages: Api) -> None:
    """Filtered and sorted; an address of another site is not followed."""
    key = make_key(owner)
    form = fields(pages.get(f"/keys/{key['id']}/edit"))
    back = f"{server.url}/keys?status=all&sort=keyName"
    headers = {"HX-Request": "true", "HX-Target": "dialog", "HX-Current-URL": back}
    answer = pages.post(f"/keys/{key['id']}/edit", data=form, headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/keys?status=all&sort=keyName")
    foreign = {**headers, "HX-Current-URL": "https://evil.example/keys?x"}
    answer = pages.post(f"/keys/{key['id']}/edit", data=form, headers=foreign)
    assert answer.headers["hx-redirect"] == "/keys"


def test_an_expiry_that_passed_may_stay(owner: Api, pages: Api) -> None:
    """Renaming an expired key is no reason to make it live again."""
    key = make_key(owner, expiresIn="1s")
    until(lambda: now(owner, key)["status"] == "expired", "a key to expire")
    assert save(pages, key, keyName=["Long gone"]).status_code == 303
    assert (now(owner, key)["keyName"], now(owner, key)["expiresAt"]) == ("Long gone", key["expiresAt"])


def test_a_key_that_ends_can_be_made_endless(owner: Api, pages: Api) -> None:
    """Never is a choice beside the others."""
    key = make_key(owner, expiresIn="90d")
    save(pages, key, expires=["never"])
    assert now(owner, key)["expiresAt"] is None


def test_two_people_do_not_overwrite_each_other(owner: Api, pages: Api) -> None:
    """The second is told, keeps what was typed, and finds the present state."""
    key = make_key(owner, "Before")
    shown = fields(pages.get(f"/keys/{key['id']}/edit"))
    assert save(pages, key, shown, keyName=["First"]).status_code == 303
    second = save(pages, key, shown, keyName=["Second"])
    assert second.status_code == 422
    assert "was changed just now" in second.text
    assert fields(second)["keyName"] == ["Second"]
    assert f'href="/keys/{key["id"]}/edit"' in second.text
    assert now(owner, key)["keyName"] == "First"


@pytest.mark.parametrize("version", ["", "0", "-1", "x", "9" * 400])
def test_a_form_without_its_version_changes_nothing(owner: Api, pages: Api, version: str) -> None:
    """It cannot say what it was based on."""
    key = make_key(owner, "Untouched")
    assert save(pages, key, keyName=["Touched"], version=[version]).status_code == 422
    assert now(owner, key)["keyName"] == "Untouched"


def test_what_is_wrong_is_said_beside_the_field_and_the_rest_is_kept(owner: Api, pages: Api) -> None:
    """As when a key is made."""
    key = make_key(owner, "Right")
    answer = save(pages, key, keyName=[""], note=["kept"], expires=["180"])
    assert answer.status_code == 422
    assert 'id="keyName-error"' in answer.text
    assert (fields(answer)["note"], fields(answer)["expires"]) == (["kept"], ["180"])
    assert now(owner, key)["keyName"] == "Right"


def test_who_may_not_bind_leaves_the_chatflows_alone(server: Running, owner: Api) -> None:
    """They are named, and stay, also when the form names others."""
    chatflow = make_chatflow(owner, "Stays bound")
    key = bound_key(owner, chatflow)
    pages = browse(server, person(server, "member", permissions=("apikeys:view", "apikeys:update")))
    form = pages.get(f"/keys/{key['id']}/edit")
    assert "Stays bound" in form.text
    assert offered(form, "chatflowIds") == []
    assert save(pages, key, keyName=["Renamed"], chatflowIds=[]).status_code == 303
    after = now(owner, key)
    assert (after["keyName"], [item["id"] for item in after["chatFlows"]]) == ("Renamed", [chatflow["id"]])


def test_a_search_keeps_what_was_typed_and_saves_nothing(owner: Api, pages: Api) -> None:
    """The button that is there without scripts."""
    found = make_chatflow(owner, "Found while editing")
    key = make_key(owner, "Searching")
    answer = save(pages, key, keyName=["Typed"], chatflowSearch=["found while"], do=["search"])
    assert offered(answer, "chatflowIds") == [found["id"]]
    assert fields(answer)["keyName"] == ["Typed"]
    assert now(owner, key)["keyName"] == "Searching"


def test_a_revoked_key_is_not_edited(owner: Api, pages: Api) -> None:
    """The form is not shown, and one that is open is refused in words."""
    key = make_key(owner, "Ended")
    shown = fields(pages.get(f"/keys/{key['id']}/edit"))
    owner.delete(f"/apikey/{key['id']}")
    assert "it never works again" in pages.get(f"/keys/{key['id']}/edit").text
    answer = save(pages, key, shown, keyName=["Back"])
    assert answer.status_code == 422
    assert "A revoked key stays revoked" in answer.text


def test_a_viewer_and_another_site_change_nothing(server: Running, owner: Api, pages: Api) -> None:
    """403 for both."""
    key = make_key(owner, "Mine")
    shown = fields(pages.get(f"/keys/{key['id']}/edit"))
    viewer = browse(server, person(server, "viewer"))
    assert save(viewer, key, shown, keyName=["Theirs"]).status_code == 403
    path, forged = f"/keys/{key['id']}/edit", {**shown, "keyName": ["Theirs"]}
    assert pages.post(path, data=forged, headers={"Origin": "https://evil.example"}).status_code == 403
    assert now(owner, key)["keyName"] == "Mine"


def test_networks_are_shown_changed_and_taken_away(owner: Api, pages: Api) -> None:
    """One on each line, with commas too; what is none is said beside the field, and what was typed stays."""
    key = make_key(owner, allowedIps=["192.0.2.0/24", "2001:db8::1"])
    path = f"/keys/{key['id']}"
    assert fields(pages.get(f"{path}/edit"))["allowedIps"] == ["192.0.2.0/24\n2001:db8::1"]
    assert "<code>2001:db8::1</code>" in pages.get(path).text
    assert save(pages, key).status_code == 303
    assert now(owner, key)["allowedIps"] == ["192.0.2.0/24", "2001:db8::1"]
    typed = "10.0.0.0/8, 192.0.2.1;::1\r\n\r\n  203.0.113.0/24 "
    assert save(pages, key, allowedIps=[typed]).status_code == 303
    assert now(owner, key)["allowedIps"] == ["10.0.0.0/8", "192.0.2.1", "::1", "203.0.113.0/24"]
    refused = save(pages, key, allowedIps=["10.1.2.3/8"])
    assert refused.status_code == 422
    assert 'id="allowedIps-error"' in refused.text
    assert "The network is 10.0.0.0/8" in refused.text
    assert fields(refused)["allowedIps"] == ["10.1.2.3/8"]
    assert len(now(owner, key)["allowedIps"]) == 4
    assert save(pages, key, allowedIps=[""]).status_code == 303
    assert now(owner, key)["allowedIps"] == []
    assert "anywhere" in pages.get(path).text
