"""``/keys/new``: a key is made once, its token is shown once, and what was typed is kept."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from flowkeys.domain.keys.token import PATTERN
from flowkeys.domain.people.person import MEMBER_PERMISSIONS
from flowkeys.domain.permissions import KNOWN
from flowkeys.domain.times import SECOND
from tests.pages.forms import browse, fields, offered
from tests.support.flows import make_chatflow
from tests.support.people import SignedIn, person
from tests.support.server import Api, Running

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def ada(server: Running) -> SignedIn:
    """An owner who is signed in."""
    return person(server, "owner", name="Ada")


@pytest.fixture
def pages(server: Running, ada: SignedIn) -> Api:
    """The owner's browser."""
    return browse(server, ada)


def filled(pages: httpx.Client, path: str = "/keys/new", **changes: Any) -> dict[str, Any]:
    """Return the form as it is shown first, with a name and some of it changed."""
    form = fields(pages.get(path))
    return {**form, "keyName": ["Backend"], "do": ["save"], **changes}


def made_by(response: httpx.Response) -> str:
    """Return the token that an answer shows."""
    assert response.status_code == 200, response.text
    (token,) = PATTERN.findall(response.text)
    return token


def named(owner: Api, name: str) -> list[dict]:
    """Return the keys of a name, whatever their status."""
    found = owner.get("/apikey", params={"search": name, "status": "all"}).json()
    return [key for key in found if key["keyName"] == name]


def test_a_key_is_made_as_it_was_chosen(server: Running, owner: Api, pages: Api, ada: SignedIn) -> None:
    """Name, chatflows, expiry, permissions and note; and the token that is shown opens the chatflows."""
    first, second = make_chatflow(owner, "First"), make_chatflow(owner, "Second")
    chosen = {
        "keyName": ["As chosen"],
        "chatflowIds": [first["id"], second["id"]],
        "permissions": ["apikeys:view"],
        "note": ["line 1\r\nline 2"],
        "allowedIps": ["127.0.0.1\r\n2001:db8::/32"],
    }
    token = made_by(pages.post("/keys/new", data=filled(pages, **chosen)))
    (key,) = named(owner, "As chosen")
    assert {item["id"] for item in key["chatFlows"]} == {first["id"], second["id"]}
    assert (key["permissions"], key["note"]) == (["apikeys:view"], "line 1\nline 2")
    assert key["allowedIps"] == ["127.0.0.1", "2001:db8::/32"]
    assert key["createdBy"] == {"type": "person", "id": ada.person.id, "name": "Ada"}
    caller = server.api(token)
    for chatflow in (first, second):
        assert caller.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200


def test_a_new_key_may_do_nothing_and_ends_in_90_days_unless_somebody_says_so(owner: Api, pages: Api) -> None:
    """What is chosen already is the careful choice: no permission, no chatflow, an end."""
    made_by(pages.post("/keys/new", data=filled(pages, keyName=["Careful"])))
    (key,) = named(owner, "Careful")
    assert (key["permissions"], key["chatFlows"]) == ([], [])
    left = datetime.fromisoformat(key["expiresAt"]) - datetime.fromisoformat(key["createdAt"])
    assert abs(left - timedelta(days=90)) < timedelta(minutes=1)


def test_the_token_is_in_the_answer_once_and_nowhere_kept(pages: Api) -> None:
    """Not in a header, not in a snippet, and no browser or proxy may keep the answer."""
    answer = pages.post("/keys/new", data=filled(pages))
    token = made_by(answer)
    assert answer.text.count(token) == 1
    assert token not in str(answer.headers)
    assert answer.headers["cache-control"] == "no-store"


def test_a_form_that_is_sent_again_makes_no_second_key_and_shows_no_token(owner: Api, pages: Api) -> None:
    """Reload, the button for going back, a second tab: the page says what was made the first time."""
    form = filled(pages, keyName=["Sent twice"])
    made_by(pages.post("/keys/new", data=form))
    again = pages.post("/keys/new", data=form)
    (key,) = named(owner, "Sent twice")
    assert again.status_code == 409
    assert not PATTERN.search(again.text)
    assert f"/keys/{key['id']}" in again.text
    assert "cannot be shown again" in again.text


def test_two_sends_at_once_make_one_key(owner: Api, pages: Api) -> None:
    """A double click makes one key and shows one token."""
    form = filled(pages, keyName=["Double click"])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pages.post("/keys/new", data=form), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert sum(len(PATTERN.findall(answer.text)) for answer in answers) == 1
    assert len(named(owner, "Double click")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"keyName": [" "]}, "keyName", id="no name"),
        pytest.param({"keyName": ["x" * 101]}, "keyName", id="a long name"),
        pytest.param({"note": ["x" * 2001]}, "note", id="a long note"),
        pytest.param(
            {"expires": ["date"], "expiresOn": ["2020-02-29"]}, "expiresAt", id="a date that passed"
        ),
        pytest.param({"expires": ["date"], "expiresOn": [""]}, "expiresAt", id="no date"),
        pytest.param({"expires": ["date"], "expiresOn": ["31.12.2099"]}, "expiresAt", id="no such date"),
        pytest.param({"expires": ["soon"]}, "expiresAt", id="no such choice"),
        pytest.param({"expires": []}, "expiresAt", id="nothing chosen"),
        pytest.param({"permissions": ["keys:all"]}, "permissions", id="no such permission"),
        pytest.param(
            {"chatflowIds": ["00000000-0000-4000-8000-000000000000"]}, "chatflowIds", id="no such chatflow"
        ),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_made(
    owner: Api, pages: Api, changes: dict, field: str
) -> None:
    """In words, with status 422, and a screen reader finds it from the field."""
    before = owner.get("/apikey", params={"status": "all", "page": 1, "limit": 1}).json()["total"]
    answer = pages.post("/keys/new", data=filled(pages, **changes))
    assert answer.status_code == 422
    assert re.search(rf'<p class="field-error" id="{field}-error">', answer.text)
    assert owner.get("/apikey", params={"status": "all", "page": 1, "limit": 1}).json()["total"] == before


def test_all_that_is_wrong_is_said_at_once(pages: Api) -> None:
    """Nobody sends a form three times to learn three things."""
    wrong = {"keyName": [""], "note": ["x" * 2001], "expires": ["date"], "expiresOn": ["2020-01-01"]}
    answer = pages.post("/keys/new", data=filled(pages, **wrong))
    found = set(re.findall(r'class="field-error" id="(\w+)-error"', answer.text))
    assert found == {"keyName", "note", "expiresAt"}


def test_what_was_typed_is_kept_when_something_is_wrong(owner: Api, pages: Api) -> None:
    """Every field, and the form can then be sent."""
    chatflow = make_chatflow(owner, "Kept")
    typed = filled(
        pages,
        keyName=["Kept <b>"],
        note=["x" * 2001],
        expires=["date"],
        expiresOn=["2099-12-31"],
        chatflowIds=[chatflow["id"]],
        permissions=["chatflows:view", "executions:view"],
    )
    shown = fields(pages.post("/keys/new", data=typed))
    for name in ("keyName", "note", "expires", "expiresOn", "chatflowIds", "permissions", "form"):
        assert shown[name] == typed[name], name
    made_by(pages.post("/keys/new", data={**shown, "note": ["short"], "do": ["save"]}))


def test_a_form_that_is_too_old_is_sent_again_with_one_click(server: Running, pages: Api) -> None:
    """What was typed is kept, and the form has a new value."""
    old = f"{server.runtime.keyring._clock() - 13 * 3600 * SECOND}.{'x' * 24}"
    answer = pages.post("/keys/new", data=filled(pages, form=[old]))
    assert answer.status_code == 422
    assert "too old" in answer.text
    shown = fields(answer)
    assert shown["keyName"] == ["Backend"]
    made_by(pages.post("/keys/new", data={**shown, "do": ["save"]}))


@pytest.mark.parametrize("days", ["30", "90", "180", "365"])
def test_a_key_ends_after_the_days_that_were_chosen(owner: Api, pages: Api, days: str) -> None:
    """Days of 86,400 seconds from now."""
    made_by(pages.post("/keys/new", data=filled(pages, keyName=[f"For {days}"], expires=[days])))
    (key,) = named(owner, f"For {days}")
    left = datetime.fromisoformat(key["expiresAt"]) - datetime.fromisoformat(key["createdAt"])
    assert abs(left - timedelta(days=int(days))) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("choice", "end"), [(("date", "2099-02-28"), "2099-02-28T23:59:59.999Z"), (("never", ""), None)]
)
def test_a_key_ends_with_the_day_that_was_chosen_or_never(
    owner: Api, pages: Api, choice: tuple, end: str | None
) -> None:
    """The whole day counts, as the form says; a date beside "never" means nothing."""
    name = f"Ends {choice[0]}"
    changes = {"expires": [choice[0]], "expiresOn": [choice[1] or "2099-01-01"]}
    made_by(pages.post("/keys/new", data=filled(pages, keyName=[name], **changes)))
    assert [key["expiresAt"] for key in named(owner, name)] == [end]


def test_whatever_changes_something_includes_seeing_it(owner: Api, pages: Api) -> None:
    """Also without scripts, which tick the box on the screen."""
    form = filled(pages, keyName=["Implied"], permissions=["apikeys:delete", "users:manage"])
    made_by(pages.post("/keys/new", data=form))
    assert [key["permissions"] for key in named(owner, "Implied")] == [
        ["apikeys:delete", "apikeys:view", "users:manage"]
    ]


@pytest.mark.parametrize(("role", "held"), [("owner", KNOWN), ("member", MEMBER_PERMISSIONS)])
def test_only_what_the_person_holds_is_offered(server: Running, role: str, held: frozenset) -> None:
    """Nobody is offered what would be refused; everything at once is an owner's to give."""
    answer = browse(server, person(server, role)).get("/keys/new")
    assert set(offered(answer, "permissions")) == held


def test_more_than_the_person_holds_is_refused(server: Running, owner: Api) -> None:
    """A form that was tampered with makes nothing."""
    member = browse(server, person(server, "member"))
    answer = member.post("/keys/new", data=filled(member, keyName=["Too much"], permissions=["*"]))
    assert answer.status_code == 403
    assert named(owner, "Too much") == []


def test_a_viewer_makes_no_key(server: Running, owner: Api, pages: Api) -> None:
    """Neither the form nor a forged request."""
    viewer = browse(server, person(server, "viewer"))
    assert viewer.get("/keys/new").status_code == 403
    assert viewer.post("/keys/new", data=filled(pages, keyName=["Viewer's"])).status_code == 403
    assert named(owner, "Viewer's") == []


def test_a_form_on_another_site_makes_no_key(server: Running, owner: Api, pages: Api, ada: SignedIn) -> None:
    """The browser would send the cookie along; where it comes from decides."""
    form = filled(pages, keyName=["Forged"])
    forged = pages.post("/keys/new", data=form, headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403
    assert named(owner, "Forged") == []


def test_a_search_without_scripts_keeps_everything_and_makes_nothing(owner: Api, pages: Api) -> None:
    """The button sends the form, which comes back with what was typed and what was found."""
    chosen, found = make_chatflow(owner, "Chosen before"), make_chatflow(owner, "Needle in the hay")
    typed = filled(
        pages, keyName=["Not yet"], chatflowIds=[chosen["id"]], chatflowSearch=["NEEDLE"], do=["search"]
    )
    answer = pages.post("/keys/new", data=typed)
    assert answer.status_code == 200
    assert offered(answer, "chatflowIds") == [chosen["id"], found["id"]]
    shown = fields(answer)
    assert (shown["chatflowIds"], shown["keyName"], shown["form"]) == (
        [chosen["id"]],
        ["Not yet"],
        typed["form"],
    )
    assert named(owner, "Not yet") == []


def test_enter_in_the_search_searches(owner: Api, pages: Api) -> None:
    """It sends the form like Enter anywhere; only a search that changed makes it a search."""
    typed = filled(pages, keyName=["By enter"], chatflowSearch=["zzz"], do=["enter"])
    answer = pages.post("/keys/new", data=typed)
    assert "No chatflow has this in its name" in answer.text
    assert named(owner, "By enter") == []
    made_by(pages.post("/keys/new", data={**fields(answer), "do": ["enter"]}))


def test_what_is_found_while_typing_comes_with_what_is_chosen(owner: Api, pages: Api) -> None:
    """The part of the page that a script asks for: the chosen first and ticked."""
    chosen, found = make_chatflow(owner, "Stays"), make_chatflow(owner, f"Live {HOSTILE}")
    part = pages.get("/keys/new/chatflows", params={"chatflowSearch": "live", "chatflowIds": [chosen["id"]]})
    assert offered(part, "chatflowIds") == [chosen["id"], found["id"]]
    assert fields(part)["chatflowIds"] == [chosen["id"]]
    assert "<html" not in part.text
    assert HOSTILE not in part.text


def test_a_link_may_choose_a_chatflow(owner: Api, pages: Api) -> None:
    """The link on a chatflow's page: its chatflow is ticked, and one that is gone is not there."""
    chatflow = make_chatflow(owner, "Linked")
    answer = pages.get("/keys/new", params={"chatflow": [chatflow["id"], "gone"]})
    assert fields(answer)["chatflowIds"] == [chatflow["id"]]


def test_another_workspace_is_not_seen(server: Running, pages: Api) -> None:
    """Its chatflows are neither found nor chosen."""
    foreign = make_chatflow(server.owner("elsewhere"), "Foreign flow")
    answer = pages.get(
        "/keys/new/chatflows", params={"chatflowSearch": "Foreign", "chatflowIds": foreign["id"]}
    )
    assert foreign["id"] not in answer.text
    forged = pages.post("/keys/new", data=filled(pages, chatflowIds=[foreign["id"]]))
    assert forged.status_code == 422


def test_without_a_chatflow_there_is_a_sentence_instead(own: Running) -> None:
    """And no search among nothing."""
    answer = browse(own, person(own)).get("/keys/new")
    assert "There is no chatflow yet" in answer.text
    assert "chatflowSearch" not in answer.text


def test_who_may_not_bind_chatflows_chooses_none(server: Running, owner: Api) -> None:
    """The form says who decides, and a key without chatflows can be made."""
    pages = browse(
        server, person(server, "member", permissions=("apikeys:view", "apikeys:create", "chatflows:view"))
    )
    answer = pages.get("/keys/new")
    assert "decided by people who may change chatflows" in answer.text
    assert offered(answer, "chatflowIds") == []
    assert pages.get("/keys/new/chatflows").status_code == 403
    made_by(pages.post("/keys/new", data=filled(pages, keyName=["Unbound"])))
    assert len(named(owner, "Unbound")) == 1


def test_whoever_is_signed_out_signs_in_first(server: Running, owner: Api) -> None:
    """And comes back here; a form that is sent is not lost."""
    pages = browse(server)
    asked = pages.get("/keys/new?chatflow=x")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/sign-in?next=%2Fkeys%2Fnew%3Fchatflow%3Dx",
    )
    assert pages.post("/keys/new", data={"keyName": "Nobody's"}).status_code == 401
    assert named(owner, "Nobody's") == []


def test_the_code_to_copy_calls_the_chatflow_and_reads_the_variable(
    server: Running, owner: Api, pages: Api
) -> None:
    """Of the first chatflow; without one it asks about the key itself."""
    chatflow = make_chatflow(owner)
    bound = pages.post("/keys/new", data=filled(pages, chatflowIds=[chatflow["id"]]))
    assert f"{server.url}/api/v1/prediction/{chatflow['id']}" in bound.text
    unbound = pages.post("/keys/new", data=filled(pages))
    assert f"{server.url}/api/v1/apikey/verify" in unbound.text
    assert "FLOWKEYS_API_KEY" in bound.text
