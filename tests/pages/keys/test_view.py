"""``/keys/{id}``: what there is to know about a key, and the buttons that would work."""

import re
from html import escape

import httpx
import pytest

from tests.pages.forms import browse
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running
from tests.support.waiting import until

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def pages(server: Running) -> Api:
    """An owner's browser."""
    return browse(server, person(server))


def actions(answer: httpx.Response, key: dict) -> set[str]:
    """Return what the page offers to do with the key, beside looking at its usage."""
    return set(re.findall(rf'(?:href|action)="/keys/{key["id"]}/(\w+)"', answer.text)) - {"usage"}


def test_everything_about_a_key_is_there_but_its_token(owner: Api, pages: Api) -> None:
    """Masked token, status, chatflows, permissions in words, times, note, id."""
    chatflow = make_chatflow(owner, "Support answers")
    key = bound_key(
        owner,
        chatflow,
        "Backend",
        permissions=["apikeys:view"],
        expiresAt="2099-03-01T12:00:00Z",
        note="For ACME",
    )
    text = pages.get(f"/keys/{key['id']}").text
    shown = (
        "Backend",
        f"••{key['apiKey'][-4:]}",
        "active",
        "API keys: view",
        "1 March 2099",
        "For ACME",
        key["id"],
    )
    for part in (*shown, "never", f'href="/chatflows/{chatflow["id"]}"'):
        assert part in text, part
    assert key["apiKey"] not in text
    assert key["apiSecret"] not in text


def test_who_used_it_last_is_there(server: Running, owner: Api, pages: Api) -> None:
    """Where from and by what, as text: a client writes what it likes."""
    key = make_key(owner)
    with server.api(key["apiKey"], **{"User-Agent": HOSTILE}) as api:
        assert api.get("/auth/verify").status_code == 200
    text = pages.get(f"/keys/{key['id']}").text
    assert "from <code>127.0.0.1</code>, by" in text
    assert HOSTILE not in text
    assert escape(HOSTILE) in text


def test_names_and_notes_are_text(owner: Api, pages: Api) -> None:
    """Whatever somebody typed."""
    key = bound_key(owner, make_chatflow(owner, HOSTILE), HOSTILE, note=HOSTILE)
    for path in ("", "/edit", "/rotate", "/revoke"):
        assert HOSTILE not in pages.get(f"/keys/{key['id']}{path}").text


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("active", {"edit", "rotate", "disable", "revoke"}),
        ("disabled", {"edit", "rotate", "enable", "revoke"}),
        ("expired", {"edit", "disable", "revoke"}),
        ("revoked", set()),
    ],
)
def test_a_status_offers_what_would_work(
    server: Running, owner: Api, pages: Api, status: str, expected: set
) -> None:
    """A disabled key is enabled, a revoked one is left alone."""
    ends = {"expiresIn": "1s"} if status == "expired" else {}
    key = make_key(owner, **ends)
    if status == "disabled":
        owner.post(f"/apikey/{key['id']}/disable")
    elif status == "revoked":
        owner.delete(f"/apikey/{key['id']}")
    elif status == "expired":
        until(lambda: owner.get(f"/apikey/{key['id']}").json()["status"] == "expired", "a key to expire")
    answer = pages.get(f"/keys/{key['id']}")
    assert actions(answer, key) == expected
    assert re.search(rf'class="badge [\w-]+">{status}<', answer.text)


@pytest.mark.parametrize(
    ("role", "permissions", "expected"),
    [
        ("viewer", None, set()),
        ("member", ("apikeys:view",), set()),
        ("member", ("apikeys:view", "apikeys:update"), {"edit", "rotate", "disable"}),
        ("member", ("apikeys:view", "apikeys:delete"), {"revoke"}),
    ],
)
def test_a_person_is_offered_what_they_may_do(
    server: Running, owner: Api, role: str, permissions: tuple | None, expected: set
) -> None:
    """No button that would answer 403."""
    key = make_key(owner)
    pages = browse(server, person(server, role, permissions=permissions))
    assert actions(pages.get(f"/keys/{key['id']}"), key) == expected


def test_a_key_above_oneself_is_only_looked_at(server: Running, owner: Api) -> None:
    """Who holds less than the key changes nothing of it, by a button or without one."""
    key = make_key(owner, permissions=["*"])
    pages = browse(server, person(server, "member"))
    assert actions(pages.get(f"/keys/{key['id']}"), key) == set()
    for path in ("edit", "revoke"):
        assert pages.get(f"/keys/{key['id']}/{path}").status_code == 403
    for path in ("edit", "disable", "enable", "revoke"):
        answer = pages.post(f"/keys/{key['id']}/{path}", data={"keyName": "Taken over"})
        assert answer.status_code == 403, path
    now = owner.get(f"/apikey/{key['id']}").json()
    assert (now["keyName"], now["status"]) == (key["keyName"], "active")


@pytest.mark.parametrize("path", ["", "/edit", "/revoke"])
def test_another_workspaces_key_is_not_there(server: Running, pages: Api, path: str) -> None:
    """As if there were none."""
    key = make_key(server.owner("elsewhere"))
    assert pages.get(f"/keys/{key['id']}{path}").status_code == 404
    assert pages.get(f"/keys/00000000-0000-4000-8000-000000000000{path}").status_code == 404
