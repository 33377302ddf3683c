"""Many keys at once, as a browser without scripts sends them."""

import html
import re

import httpx
import pytest

from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.service.keys.bulk import BulkResult
from flowkeys.web.pages.keys.bulk import said
from tests.pages.place import DAY, Place
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS


@pytest.fixture
def place(server: Running) -> Place:
    """An empty workspace."""
    return Place(server)


def ids(*keys: ApiKey) -> list[str]:
    """Return what the boxes of keys send."""
    return [key.id for key in keys]


def statuses(place: Place, *keys: ApiKey) -> list[str]:
    """Return what the keys are now."""
    return [place.stored(key).status.value for key in keys]


def text(answer: httpx.Response) -> str:
    """Return what a page reads, without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", answer.text)).split())


def test_keys_are_disabled_at_once_and_the_list_is_as_it_was(place: Place) -> None:
    """It can be undone, so nothing is asked; the next page says what was done."""
    one, two, other = place.key("one"), place.key("two"), place.key("other")
    sent = {"ids": ids(one, two), "list": "search=o&sort=keyName"}
    answer = place.post("/keys/disable", place.owner, sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/keys?search=o&sort=keyName")
    assert statuses(place, one, two, other) == ["disabled", "disabled", "active"]
    notice = answer.headers["set-cookie"].partition(";")[0]
    page = place.get("/keys", place.owner, Cookie=f"{place.owner.headers['Cookie']}; {notice}")
    assert "2 keys were disabled." in page.text


def test_keys_are_enabled_again(place: Place) -> None:
    """All of those that were named, and no other."""
    one, two = place.key("one", status="disabled"), place.key("two", status="disabled")
    assert place.post("/keys/enable", place.owner, {"ids": ids(one)}).status_code == 303
    assert statuses(place, one, two) == ["active", "disabled"]


def test_revoking_shows_first_what_would_end(place: Place) -> None:
    """Names, chatflows and how many were used lately; nothing is revoked by looking."""
    flow = place.chatflow("Docs assistant")
    used = place.key("in use", chatflows=(flow,), used=2 * DAY)
    idle = place.key("idle", used=8 * DAY)
    answer = place.post("/keys/revoke", place.owner, {"ids": ids(used, idle)})
    page = text(answer)
    assert answer.status_code == 200
    assert "Revoke 2 keys?" in page
    assert "One of them was used in the last 7 days, most recently 2 days ago." in page
    assert f"in use …{used.hint} Opens Docs assistant." in page
    assert f"idle …{idle.hint} Opens no chatflow." in page
    assert statuses(place, used, idle) == ["active", "active"]


def test_keys_in_use_are_revoked_by_typing_how_many(place: Place) -> None:
    """And by nothing less."""
    keys = place.key("in use", used=DAY), place.key("idle"), place.key("another")
    sent = {"ids": ids(*keys), "confirmed": "yes", "confirm": " 3 ", "list": "size=50"}
    answer = place.post("/keys/revoke", place.owner, sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/keys?size=50")
    assert statuses(place, *keys) == ["revoked"] * 3


@pytest.mark.parametrize("typed", ["", "2", "30", "three"])
def test_another_number_revokes_nothing(place: Place, typed: str) -> None:
    """The question comes again, with what was typed and what to do beside the field."""
    keys = place.key("in use", used=DAY), place.key("idle"), place.key("another")
    sent = {"ids": ids(*keys), "confirmed": "yes", "confirm": typed}
    answer = place.post("/keys/revoke", place.owner, sent)
    assert answer.status_code == 422
    assert "Type 3, the number of keys, to confirm." in answer.text
    assert f'value="{typed}"' in answer.text
    assert statuses(place, *keys) == ["active"] * 3


def test_keys_that_nobody_used_for_a_week_need_no_typing(place: Place) -> None:
    """A question that is asked each time is answered without reading it."""
    keys = place.key("never used"), place.key("long ago", used=8 * DAY)
    question = place.post("/keys/revoke", place.owner, {"ids": ids(*keys)})
    assert 'name="confirm"' not in question.text
    sent = {"ids": ids(*keys), "confirmed": "yes"}
    assert place.post("/keys/revoke", place.owner, sent).status_code == 303
    assert statuses(place, *keys) == ["revoked"] * 2


def test_a_key_that_was_used_since_the_question_is_asked_about_again(place: Place) -> None:
    """What counts is the present, not what the form knew."""
    key = place.key("quiet")
    place.server.do(place.keyring.flush({key.id: place.stored(key).created_at}, {}))
    answer = place.post("/keys/revoke", place.owner, {"ids": ids(key), "confirmed": "yes"})
    assert answer.status_code == 422
    assert "It was used in the last 7 days" in text(answer)
    assert statuses(place, key) == ["active"]


def test_keys_that_were_revoked_meanwhile_are_not_counted(place: Place) -> None:
    """The number to type is that of keys that end now."""
    gone, alive = place.key("gone", status="revoked"), place.key("alive", used=DAY)
    question = place.post("/keys/revoke", place.owner, {"ids": ids(gone, alive)})
    assert "Revoke 1 key?" in text(question)
    sent = {"ids": ids(gone, alive), "confirmed": "yes", "confirm": "1"}
    assert place.post("/keys/revoke", place.owner, sent).status_code == 303
    assert statuses(place, gone, alive) == ["revoked", "revoked"]


@pytest.mark.parametrize("action", ["disable", "enable", "revoke"])
def test_nothing_selected_is_said_in_words(place: Place, action: str) -> None:
    """Without scripts the buttons are there also when nothing is ticked."""
    place.key("one")
    answer = place.post(f"/keys/{action}", place.owner, {"list": "status=all"})
    assert answer.status_code == 422
    assert "No key is selected. Tick the keys first." in answer.text
    assert '<option value="all" selected>' in answer.text


@pytest.mark.parametrize("action", ["disable", "revoke"])
def test_a_key_above_the_ceiling_stops_all_and_the_selection_is_kept(place: Place, action: str) -> None:
    """All of them or none, and nothing has to be ticked again."""
    lesser, greater = place.key("lesser"), place.key("greater", permissions=("users:manage",))
    sent = {"ids": ids(lesser, greater), "confirmed": "yes"}
    answer = place.post(f"/keys/{action}", place.person("member"), sent)
    assert answer.status_code == 403
    assert f"1 key holds more than you do: 'greater' ({greater.hint}). Nothing was changed." in text(answer)
    assert re.findall(r'value="([^"]*)"[^>]* checked>', answer.text) == [lesser.id]
    assert statuses(place, lesser, greater) == ["active", "active"]


@pytest.mark.parametrize("action", ["disable", "enable", "revoke"])
def test_keys_of_another_workspace_are_not_there(place: Place, server: Running, action: str) -> None:
    """Nor is anything of one's own changed beside them."""
    own, theirs = place.key("own"), Place(server).key("theirs")
    answer = place.post(f"/keys/{action}", place.owner, {"ids": ids(own, theirs), "confirmed": "yes"})
    assert answer.status_code == 422
    assert "There is no key" in answer.text
    assert "theirs" not in text(answer)
    assert statuses(place, own) == ["active"]


@pytest.mark.parametrize("action", ["disable", "enable", "revoke"])
def test_a_viewer_changes_nothing(place: Place, action: str) -> None:
    """A forged form is refused."""
    key = place.key("one")
    sent = {"ids": ids(key), "confirmed": "yes"}
    assert place.post(f"/keys/{action}", place.person("viewer"), sent).status_code == 403
    assert statuses(place, key) == ["active"]


@pytest.mark.parametrize("action", ["disable", "enable", "revoke"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_form_from_another_site_changes_nothing(place: Place, action: str, headers: dict[str, str]) -> None:
    """The cookie comes along; the origin tells."""
    key = place.key("one")
    url = f"{place.server.url}/keys/{action}"
    cookie = {"Cookie": place.owner.headers["Cookie"]}
    sent = {"ids": ids(key), "confirmed": "yes"}
    answer = httpx.post(
        url, data=sent, headers={**cookie, **headers}, trust_env=False, timeout=PATIENCE_SECONDS
    )
    assert answer.status_code == 403
    assert statuses(place, key) == ["active"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (BulkResult(1, 0), "1 key was disabled."),
        (BulkResult(1200, 1), "1,200 keys were disabled. 1 key was disabled already."),
        (BulkResult(0, 2, ("a",)), "2 keys were disabled already. 1 key is revoked, which is final."),
    ],
)
def test_what_became_of_the_keys_is_said_in_words(result: BulkResult, words: str) -> None:
    """Also of those that stayed as they were."""
    assert said(result, "disabled") == words
