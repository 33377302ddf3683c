"""Disabling, enabling and revoking one key, and what is asked before something ends for good."""

import re
import unicodedata
from html import unescape

import httpx
import pytest

from flowkeys.domain.times import to_iso
from tests.pages.forms import browse
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running
from tests.support.waiting import until


@pytest.fixture(scope="module")
def pages(server: Running) -> Api:
    """An owner's browser."""
    return browse(server, person(server))


def used(server: Running, api: Api, name: str = "Café backend") -> tuple[dict, dict]:
    """Return a chatflow, and a key that has just called it."""
    chatflow = make_chatflow(api, "Support answers")
    key = bound_key(api, chatflow, name)
    server.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "x"})
    server.do(server.runtime.usage.flush())
    return chatflow, key


def status(owner: Api, key: dict) -> str:
    """Return a key's status."""
    found: str = owner.get(f"/apikey/{key['id']}").json()["status"]
    return found


def said(pages: httpx.Client, answer: httpx.Response) -> str:
    """Return the sentence that the next page shows."""
    assert answer.status_code == 303, answer.text
    text = pages.get("/keys").text
    return unescape(re.findall(r"data-notice>.*?<span>(.*?)</span>", text, re.DOTALL)[0])


def test_a_key_is_disabled_and_enabled_with_a_button_each(server: Running, owner: Api, pages: Api) -> None:
    """No question is asked: it can be undone. The next page says what was done."""
    key = make_key(owner, "On and off")
    assert "“On and off” was disabled" in said(pages, pages.post(f"/keys/{key['id']}/disable"))
    assert status(owner, key) == "disabled"
    assert "“On and off” was enabled" in said(pages, pages.post(f"/keys/{key['id']}/enable"))
    assert status(owner, key) == "active"


def test_an_enabled_key_that_has_expired_is_said_to_need_more(
    server: Running, owner: Api, pages: Api
) -> None:
    """Enabled does not mean that it works."""
    key = make_key(owner, expiresIn="1s")
    owner.post(f"/apikey/{key['id']}/disable")
    until(lambda: to_iso(server.runtime.keyring._clock()) > key["expiresAt"], "a key to expire")
    assert "has expired" in said(pages, pages.post(f"/keys/{key['id']}/enable"))


def test_buttons_in_the_list_lead_back_to_it_as_it_was(server: Running, owner: Api, pages: Api) -> None:
    """Without scripts the browser says where the button was."""
    key = make_key(owner)
    back = {"Referer": f"{server.url}/keys?search=x&page=2"}
    answer = pages.post(f"/keys/{key['id']}/disable", headers=back)
    assert answer.headers["location"] == "/keys?search=x&page=2"
    foreign = {"Referer": "https://evil.example/keys?search=x"}
    assert pages.post(f"/keys/{key['id']}/enable", headers=foreign).headers["location"] == "/keys"


def test_the_question_says_what_ends(server: Running, owner: Api, pages: Api) -> None:
    """Which chatflows, how recent the last use, and that it is final; what can be undone is beside it."""
    _, key = used(server, owner)
    text = pages.get(f"/keys/{key['id']}/revoke").text
    for part in ("Support answers", "Last used", "just now", "cannot be undone", "Disable instead"):
        assert part in text, part
    assert f'action="/keys/{key["id"]}/disable"' in text


def test_a_key_that_nobody_used_is_revoked_with_one_click(server: Running, owner: Api, pages: Api) -> None:
    """There is nothing to type; the page has only asked."""
    key = make_key(owner, "Unused")
    question = pages.get(f"/keys/{key['id']}/revoke")
    assert "It was never used" in question.text
    assert 'name="confirm"' not in question.text
    assert status(owner, key) == "active"
    assert "“Unused” was revoked" in said(
        pages, pages.post(f"/keys/{key['id']}/revoke", data={"confirm": ""})
    )
    assert status(owner, key) == "revoked"


@pytest.mark.parametrize("typed", ["", "cafe backend", "Café"])
def test_a_key_in_use_is_not_revoked_without_its_name(
    server: Running, owner: Api, pages: Api, typed: str
) -> None:
    """Nothing changed, it is said beside the field, and what was typed is kept."""
    _, key = used(server, owner)
    answer = pages.post(f"/keys/{key['id']}/revoke", data={"confirm": typed})
    assert answer.status_code == 422
    assert 'id="confirm-error"' in answer.text
    assert f'value="{typed}"' in answer.text
    assert status(owner, key) == "active"


def test_a_key_in_use_is_revoked_by_its_name(server: Running, owner: Api, pages: Api) -> None:
    """However the keyboard puts its accents together, and whatever spaces came along."""
    _, key = used(server, owner)
    typed = unicodedata.normalize("NFD", " Café backend ")
    said(pages, pages.post(f"/keys/{key['id']}/revoke", data={"confirm": typed}))
    assert status(owner, key) == "revoked"


def test_a_revoked_key_is_not_asked_about_again(server: Running, owner: Api, pages: Api) -> None:
    """Two people revoke it: the second is told so. Disabling it is refused in words."""
    key = make_key(owner, "Twice")
    owner.delete(f"/apikey/{key['id']}")
    assert "it never works again" in pages.get(f"/keys/{key['id']}/revoke").text
    assert "was revoked before" in said(pages, pages.post(f"/keys/{key['id']}/revoke", data={"confirm": ""}))
    refused = pages.post(f"/keys/{key['id']}/disable")
    assert refused.status_code == 422
    assert "A revoked key stays revoked" in refused.text


def test_who_may_revoke_and_not_change_is_offered_only_that(server: Running, owner: Api) -> None:
    """Disabling needs another permission."""
    key = make_key(owner)
    pages = browse(server, person(server, "member", permissions=("apikeys:view", "apikeys:delete")))
    assert "Disable instead" not in pages.get(f"/keys/{key['id']}/revoke").text


@pytest.mark.parametrize("action", ["disable", "enable", "revoke"])
def test_a_viewer_and_another_site_end_nothing(server: Running, owner: Api, pages: Api, action: str) -> None:
    """403 for both, and the key is as it was."""
    key = make_key(owner)
    if action == "enable":
        owner.post(f"/apikey/{key['id']}/disable")
    before = status(owner, key)
    viewer = browse(server, person(server, "viewer"))
    assert viewer.post(f"/keys/{key['id']}/{action}", data={"confirm": ""}).status_code == 403
    forged = pages.post(
        f"/keys/{key['id']}/{action}", data={"confirm": ""}, headers={"Origin": "https://evil.example"}
    )
    assert forged.status_code == 403
    assert status(owner, key) == before


@pytest.mark.parametrize("address", ["http://[", "http://[x", "//[", "http://\xff:x/keys", "\xff"])
@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("verb", ["disable", "enable"])
def test_an_address_that_makes_no_sense_leads_to_the_list(
    owner: Api, pages: Api, verb: str, address: str, script: bool
) -> None:
    """Wherever somebody claims to come from: what was done was done, and the answer says so."""
    key = make_key(owner, "From nowhere")
    sent = {"HX-Request": "true", "HX-Current-URL": address} if script else {"Referer": address}
    raw = {name: value.encode("latin-1") for name, value in sent.items()}
    answer = pages.post(f"/keys/{key['id']}/{verb}", headers=raw)
    assert answer.status_code == (204 if script else 303)
    assert answer.headers["hx-redirect" if script else "location"] == "/keys"
