"""Webhooks on pages: made with a secret that is shown once, tried, looked after and deleted."""

import html
import re
from itertools import count
from typing import Any

import httpx
import pytest

from tests.pages.forms import browse, fields
from tests.support.people import person
from tests.support.server import NOBODY, Api, Running
from tests.support.waiting import until

SECRET = re.compile(r"whsec_[\w+/=]+")
_numbers = count(1)


@pytest.fixture
def name() -> str:
    """A workspace of the test's own."""
    return f"webhook-pages-{next(_numbers)}"


@pytest.fixture
def pages(server: Running, name: str) -> Api:
    """An owner's browser."""
    return browse(server, person(server, workspace=name))


@pytest.fixture
def owner(server: Running, name: str) -> Api:
    """A key for everything there."""
    return server.owner(name)


def make(owner: Api, **members: Any) -> dict[str, Any]:
    """Make a webhook over the API."""
    sent = owner.post("/webhooks", json={"url": f"{NOBODY}/hook", "events": ["key.revoked"], **members})
    assert sent.status_code == 201, sent.text
    made: dict[str, Any] = sent.json()
    return made


def secrets(answer: httpx.Response) -> set[str]:
    """Return the secrets that an answer shows."""
    return set(SECRET.findall(answer.text))


def test_a_webhook_is_made_once_and_its_secret_shown_once(owner: Api, pages: Api) -> None:
    """From the empty list on; the same form again makes nothing and shows none."""
    assert "No webhooks yet" in pages.get("/webhooks").text
    form = {
        **fields(pages.get("/webhooks/new")),
        "url": [f"{NOBODY}/hook"],
        "events": ["key.expiring", "key.revoked"],
        "note": ["For the team"],
    }
    made = pages.post("/webhooks/new", data=form)
    assert (made.status_code, made.headers["cache-control"], len(secrets(made))) == (200, "no-store", 1)
    again = pages.post("/webhooks/new", data=form)
    (stored,) = owner.get("/webhooks").json()
    assert (again.status_code, again.headers["location"]) == (303, f"/webhooks/{stored['id']}")
    assert (stored["url"], stored["note"]) == (f"{NOBODY}/hook", "For the team")
    assert stored["events"] == ["key.expiring", "key.revoked"]
    for path in ("/webhooks", f"/webhooks/{stored['id']}", f"/webhooks/{stored['id']}/edit"):
        shown = pages.get(path)
        assert (shown.status_code, secrets(shown)) == (200, set())
        assert f"{NOBODY}/hook" in shown.text


def test_what_is_wrong_is_said_beside_the_field_and_kept(owner: Api, pages: Api) -> None:
    """An address that may not be called, no event, too long a note: all at once."""
    wrong = {"url": ["http://10.0.0.1/x"], "note": ["x" * 2001]}
    answer = pages.post("/webhooks/new", data={**fields(pages.get("/webhooks/new")), **wrong})
    assert answer.status_code == 422
    found = set(re.findall(r'class="field-error" id="(\w+)-error"', answer.text))
    assert found == {"url", "events", "note"}
    assert "Choose at least one." in answer.text
    assert fields(answer)["url"] == ["http://10.0.0.1/x"]
    assert owner.get("/webhooks").json() == []


def test_a_webhook_is_changed_as_it_was_shown(owner: Api, pages: Api) -> None:
    """Who was overtaken changes nothing and is told."""
    webhook = make(owner)
    path = f"/webhooks/{webhook['id']}/edit"
    form = {**fields(pages.get(path)), "events": ["key.created"]}
    owner.put(f"/webhooks/{webhook['id']}", json={"note": "meanwhile"})
    late = pages.post(path, data=form)
    assert (late.status_code, "after you opened this form" in late.text) == (422, True)
    form = {**fields(pages.get(path)), "events": ["key.created"]}
    assert form["note"] == ["meanwhile"]
    assert pages.post(path, data=form).status_code == 303
    assert owner.get(f"/webhooks/{webhook['id']}").json()["events"] == ["key.created"]


def test_a_test_is_sent_its_failure_shown_and_it_is_sent_again(
    server: Running, owner: Api, pages: Api, name: str
) -> None:
    """Status, tries and why; what waits offers nothing, what was given up is sent again."""
    webhook = make(owner)
    path = f"/webhooks/{webhook['id']}"
    assert "Nothing was sent yet" in pages.get(path).text
    assert pages.post(f"{path}/test").status_code == 303
    until(lambda: owner.get(f"{path}/deliveries").json()[0]["failure"] is not None, "a try that failed")
    (delivery,) = owner.get(f"{path}/deliveries").json()
    shown = pages.get(path).text
    assert "webhook.test" in shown
    assert ">pending<" in re.sub(r"\s", "", shown)
    assert "waiting" not in shown
    assert delivery["failure"] in html.unescape(shown)
    resend = f"{path}/deliveries/{delivery['id']}/resend"
    assert resend not in shown
    give_up = "UPDATE webhook_delivery SET outcome = 'failed', next_at = NULL WHERE id = ?"
    with server.shell() as rows:
        rows.execute(give_up, (delivery["id"],))
    assert resend in pages.get(f"{path}?status=failed").text
    assert "None is delivered" in pages.get(f"{path}?status=delivered").text
    assert pages.post(resend).status_code == 303
    sent = owner.get(f"{path}/deliveries").json()
    assert [one["eventId"] for one in sent] == [delivery["eventId"]] * 2


def test_a_webhook_that_is_off_sends_nothing_and_is_put_on_again(owner: Api, pages: Api) -> None:
    """Its page offers neither a test nor sending again."""
    webhook = make(owner)
    path = f"/webhooks/{webhook['id']}"
    pages.post(f"{path}/disable")
    assert owner.get(path).json()["state"] == "disabled"
    assert f'action="{path}/test"' not in pages.get(path).text
    answer = pages.post(f"{path}/test")  # from a page that is older
    assert (answer.status_code, owner.get(f"{path}/deliveries").json()) == (303, [])
    pages.post(f"{path}/enable")
    assert owner.get(path).json()["state"] == "enabled"


def test_the_secret_is_replaced_once_for_a_form(owner: Api, pages: Api) -> None:
    """Shown in the one answer; a page that is loaded again does not replace it once more."""
    made = make(owner)
    path = f"/webhooks/{made['id']}/secret"
    form = {**fields(pages.get(path)), "grace": ["3600"]}
    assert pages.post(path, data={**form, "grace": ["12"]}).status_code == 422
    answer = pages.post(path, data=form)
    assert answer.status_code == 200
    assert secrets(answer) - {made["secret"]} == secrets(answer) != set()
    version = owner.get(f"/webhooks/{made['id']}").json()["updatedAt"]
    again = pages.post(path, data=form)
    assert (again.status_code, secrets(again)) == (303, set())
    assert owner.get(f"/webhooks/{made['id']}").json()["updatedAt"] == version


def test_a_webhook_is_deleted_after_a_question(owner: Api, pages: Api) -> None:
    """With its log, and the list is empty again."""
    webhook = make(owner)
    assert "cannot be undone" in pages.get(f"/webhooks/{webhook['id']}/delete").text
    assert owner.get("/webhooks").json() != []
    assert pages.post(f"/webhooks/{webhook['id']}/delete", data={"x": ""}).headers["location"] == "/webhooks"
    assert owner.get("/webhooks").json() == []
    assert pages.get(f"/webhooks/{webhook['id']}").status_code == 404


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        (("webhooks:view",), set()),
        (("webhooks:view", "webhooks:update"), {"edit", "disable", "secret", "test"}),
        (("webhooks:view", "webhooks:delete"), {"delete"}),
    ],
)
def test_a_person_is_offered_what_they_may_do(
    server: Running, owner: Api, name: str, permissions: tuple[str, ...], offered: set[str]
) -> None:
    """No button that would answer 403; and who may not see webhooks has no link to them."""
    webhook = make(owner)
    pages = browse(server, person(server, "member", permissions=permissions, workspace=name))
    text = pages.get(f"/webhooks/{webhook['id']}").text
    assert set(re.findall(rf'(?:href|action)="/webhooks/{webhook["id"]}/(\w+)"', text)) == offered
    assert 'href="/webhooks"' in text
    nobody = browse(server, person(server, "member", permissions=("apikeys:view",), workspace=name))
    assert 'href="/webhooks"' not in nobody.get("/keys").text
