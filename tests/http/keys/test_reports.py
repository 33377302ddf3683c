"""``/reports``: the keys that somebody should look at."""

from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys import Client
from flowkeys.domain.keys.report import Report
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running

DAY = 24 * 3600 * 1_000_000


@pytest.fixture(scope="module")
def house(server: Running) -> Iterator[Api]:
    """Somebody who may do everything, in a workspace where nobody else makes keys."""
    with server.owner("reported") as api:
        yield api


def _names(api: Api, report: Report) -> set[str]:
    answer = api.get(f"/reports/{report}")
    assert answer.status_code == 200, answer.text
    return {key["keyName"] for key in answer.json()}


def _sql(server: Running, statement: str, *values: Any) -> None:
    server.by_hand(statement, *values)


def test_each_report_has_the_keys_it_says_and_no_other(server: Running, house: Api) -> None:
    """Given keys of which each is one way, each report lists those that are so."""
    now = server.runtime.keyring._clock()
    flow = make_chatflow(house)
    used = bound_key(house, flow, "used")
    house.put(f"/apikey/{used['id']}", json={"expiresIn": "90d"})
    _sql(server, "UPDATE api_key SET last_used_at = ? WHERE id = ?", now - DAY, used["id"])
    old = make_key(house, "old")
    _sql(server, "UPDATE api_key SET last_used_at = ? WHERE id = ?", now - 91 * DAY, old["id"])
    make_key(house, "never")
    for name, call in (("disabled", "/disable"), ("revoked", "")):
        key = make_key(house, name)
        house.request("POST" if call else "DELETE", f"/apikey/{key['id']}{call}")
    assert "never" in _names(house, Report.NEVER_USED)
    assert _names(house, Report.UNUSED) == {"old"}
    assert {"never", "old"} <= _names(house, Report.NEVER_EXPIRING)
    assert {"never", "old"} <= _names(house, Report.UNBOUND)
    for report in Report:
        assert not {"used", "disabled", "revoked"} & _names(house, report), report


def test_who_made_them_and_is_gone_is_told_of(server: Running, house: Api) -> None:
    """Given keys of a person who was removed and of a key that was disabled, theirs are reported."""
    maker = make_key(house, "maker", permissions=["apikeys:create"])
    with server.api(maker["apiKey"]) as api:
        make_key(api, "of a key")
    leaver = person(server, "member", workspace="reported", permissions=("apikeys:create",))
    with server.api() as browser:
        browser.headers.update(leaver.headers)
        make_key(browser, "of a person")
    assert not {"of a key", "of a person"} & _names(house, Report.OWNER_GONE)
    house.post(f"/apikey/{maker['id']}/disable")
    assert _names(house, Report.OWNER_GONE) == {"of a key"}
    _sql(server, "DELETE FROM sign_in WHERE person_id = ?", leaver.person.id)
    _sql(server, "DELETE FROM person WHERE id = ?", leaver.person.id)
    assert _names(house, Report.OWNER_GONE) == {"of a key", "of a person"}
    house.post(f"/apikey/{maker['id']}/enable")
    assert _names(house, Report.OWNER_GONE) == {"of a person"}


def test_the_list_counts_what_each_holds(server: Running, house: Api) -> None:
    """Given the reports, each one's total is the number of its keys, by the SDK too."""
    house.get("/reports")
    server.store()  # from here on no key is used for the first time
    counted = {item["name"]: item["total"] for item in house.get("/reports").json()}
    assert list(counted) == list(Report)
    for report in Report:
        page = house.get(f"/reports/{report}", params={"page": 1, "limit": 2}).json()
        assert page["total"] == counted[report] == len(_names_all(house, report))
        assert len(page["data"]) == min(2, page["total"])
    with Client(server.url, house.token) as client:
        assert {item.name: item.total for item in client.keys.reports()} == counted
        assert client.keys.report("never-used", limit=1).total == counted["never-used"]


def _names_all(api: Api, report: Report) -> list[str]:
    return [key["id"] for key in api.get(f"/reports/{report}").json()]


def _unused(server: Running, house: Api, key: dict[str, Any]) -> list[str] | None:
    """Return what a key has never used, as the report says, or None when it is in none."""
    server.store()
    found = {
        item["id"]: item["unusedPermissions"] for item in house.get("/reports/unused-permissions").json()
    }
    return found.get(key["id"])


def test_permissions_that_no_call_used_are_told_of(server: Running, house: Api) -> None:
    """Whatever asks for one uses it: a route, what a change needs besides, what another key is to hold.

    A refused call uses none. A gateway that asks whether a key holds one asks for its holder: that is a use.
    """
    held = ["apikeys:create", "apikeys:update", "apikeys:view", "chatflows:update", "logs:view", "tools:view"]
    key = make_key(house, "manages", permissions=held)
    assert _unused(server, house, key) == held
    with server.api(key["apiKey"]) as api:
        assert api.delete(f"/apikey/{key['id']}").status_code == 403
        assert _unused(server, house, key) == held
        api.get("/apikey")
        assert _unused(server, house, key) == [name for name in held if name != "apikeys:view"]
        made = make_key(api, "with what it holds", permissions=["tools:view"])
        assert _unused(server, house, key) == ["apikeys:update", "chatflows:update", "logs:view"]
        flow = make_chatflow(house)
        assert api.put(f"/apikey/{made['id']}/chatflows", json={"chatflowIds": [flow["id"]]}).is_success
        assert _unused(server, house, key) == ["logs:view"]
    asked = house.post("/apikey/verify", json={"token": key["apiKey"], "permission": "logs:view"})
    assert asked.json()["valid"]
    assert _unused(server, house, key) is None
    assert _unused(server, house, make_key(house, "holds none")) is None
    everything = make_key(house, "everything", permissions=["*"])
    assert _unused(server, house, everything) == ["*"]
    server.api(everything["apiKey"]).get("/apikey")
    assert _unused(server, house, everything) is None


def test_a_key_from_the_report_can_be_put_back_without_them(server: Running, house: Api) -> None:
    """What it lists is taken away by writing the permissions; since when it is known is said."""
    key = make_key(house, "too much", permissions=["logs:view", "tools:view"])
    item = next(each for each in house.get("/reports/unused-permissions").json() if each["id"] == key["id"])
    answer = house.put(f"/apikey/{key['id']}", json={**item, "permissions": []})
    assert answer.status_code == 200, answer.text
    assert _unused(server, house, key) is None
    with Client(server.url, house.token) as client:
        make_key(house, "again", permissions=["logs:view"])
        found = client.keys.report("unused-permissions").data
        assert {each.key_name: each.unused_permissions for each in found}["again"] == ["logs:view"]
    _sql(server, "DELETE FROM recording")
    _sql(server, "INSERT INTO recording VALUES ('permissions', ?)", 1_795_400_000 * 1_000_000)
    says = {each["name"]: each["says"] for each in house.get("/reports").json()}
    assert says["unused-permissions"].endswith("Recorded since 2026-11-23.")
    _sql(server, "DELETE FROM recording")


def test_what_is_reported_can_be_ended_together(house: Api) -> None:
    """Given a report, its ids are what the bulk calls take, and then it is empty of them."""
    key = make_key(house, "to be ended")
    ids = _names_all(house, Report.NEVER_USED)
    assert key["id"] in ids
    owner = house.get("/apikey", params={"search": "owner"}).json()[0]["id"]
    assert house.post("/apikey/bulk/disable", json={"ids": [i for i in ids if i != owner]}).is_success
    assert key["id"] not in _names_all(house, Report.NEVER_USED)


def test_there_is_no_other_report(house: Api) -> None:
    """Given another name, the answer says which there are."""
    answer = house.get("/reports/everything")
    assert answer.status_code == 404
    assert "never-used" in answer.json()["detail"]
