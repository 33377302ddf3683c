"""Rate limits on pages: typed in rows, kept as typed when one is wrong, and what is left of them shown."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.axe import assert_accessible
from tests.pages.conftest import Visit
from tests.pages.forms import browse, fields
from tests.support.flows import bound_key, make_chatflow, make_customer, make_key
from tests.support.people import person
from tests.support.server import Api, Running

SECOND = {"limit": 10, "windowSeconds": 1, "burst": 20, "name": "second"}
DAY = {"limit": 1000, "windowSeconds": 86_400, "burst": 1000, "name": "daily"}


@pytest.fixture(scope="module")
def pages(server: Running) -> Api:
    """An owner's browser."""
    return browse(server, person(server))


def row(
    number: int, calls: str, times: str = "1", unit: str = "minute", burst: str = "", name: str = ""
) -> dict:
    """Return what a form sends for one limit."""
    parts = {"calls": calls, "times": times, "unit": unit, "burst": burst, "name": name}
    return {f"limit-{number}-{part}": [text] for part, text in parts.items()}


def shown(pages: Api, path: str) -> dict[str, list[str]]:
    """Return the form of a page as it is shown first."""
    answer = pages.get(path)
    assert answer.status_code == 200, answer.text
    return fields(answer)


def save(pages: Api, path: str, **changes: Any) -> None:
    """Send the form of a page with some of it changed."""
    answer = pages.post(path, data={**shown(pages, path), "do": ["save"], **changes})
    assert answer.status_code in {200, 303}, re.findall(r"field-error.*", answer.text)


def plain(text: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_every_form_takes_rows_and_shows_them_again(owner: Api, pages: Api) -> None:
    """Of a key that is made, a key, a customer, a chatflow, and a key on a chatflow: one way for all."""
    chatflow = make_chatflow(owner, "Limited")
    key, customer = bound_key(owner, chatflow, "Limited"), make_customer(owner, "Limited")
    rows = {**row(0, "10", unit="second", burst="20"), **row(3, "1,000", unit="day", name="daily")}
    save(pages, "/keys/new", keyName=["Made with limits"], **rows)
    (made,) = owner.get("/apikey", params={"search": "Made with limits"}).json()
    assert made["rateLimits"] == [SECOND, DAY]
    for path, resource in (
        (f"/keys/{key['id']}/edit", f"/apikey/{key['id']}"),
        (f"/customers/{customer['id']}/edit", f"/customers/{customer['id']}"),
        (f"/chatflows/{chatflow['id']}/limits", f"/chatflows/{chatflow['id']}"),
    ):
        save(pages, path, **rows)
        assert owner.get(resource).json()["rateLimits"] == [SECOND, DAY], path
        again = shown(pages, path)
        assert [again[f"limit-0-{part}"] for part in ("calls", "times", "burst", "name")] == [
            ["10"], ["1"], ["20"], [""],
        ], path  # fmt: skip
        assert (again["limit-1-name"], again["limit-2-calls"]) == (["daily"], [""])
        assert owner.get(resource).json()["rateLimits"] == [SECOND, DAY], path
        save(pages, path, **row(0, ""), **row(1, ""))
        assert owner.get(resource).json()["rateLimits"] == [], path
    on_chatflow = f"/keys/{key['id']}/chatflows/{chatflow['id']}/limits"
    save(pages, on_chatflow, **rows)
    assert owner.get(f"/apikey/{key['id']}").json()["chatFlows"][0]["rateLimits"] == [SECOND, DAY]


def test_saving_a_form_as_it_is_changes_nothing(owner: Api, pages: Api) -> None:
    """Windows of odd lengths and names of one's own come back as they were."""
    odd = [
        {"limit": 5, "windowSeconds": 90, "burst": 2, "name": "odd"},
        {"limit": 7, "windowSeconds": 172_800, "burst": 7, "name": "2d"},
        {"limit": 9, "windowSeconds": 60, "burst": 9, "name": "hour"},
    ]
    key = make_key(owner, rateLimits=odd)
    save(pages, f"/keys/{key['id']}/edit", note=["seen"])
    stored = owner.get(f"/apikey/{key['id']}").json()
    assert (stored["rateLimits"], stored["note"]) == (odd, "seen")


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        pytest.param(row(0, "many"), "calls", id="no number"),
        pytest.param(row(0, "0"), "calls", id="none at all"),
        pytest.param(row(0, "1,5"), "calls", id="a comma"),
        pytest.param(row(0, "", burst="3"), "calls", id="a burst alone"),
        pytest.param(row(0, "1", times="0"), "times", id="no time"),
        pytest.param(row(0, "1", times="367", unit="day"), "times", id="too long a time"),
        pytest.param(row(0, "1", burst="-1"), "burst", id="a burst below nothing"),
        pytest.param(row(0, "1", name="no name!"), "name", id="no name"),
    ],
)
def test_what_is_wrong_is_said_beside_the_row_and_kept(pages: Api, rows: dict, part: str) -> None:
    """With all else that is wrong, at once; nothing that was typed is lost."""
    form = {**shown(pages, "/keys/new"), "do": ["save"], "keyName": [""], "note": ["typed"], **rows}
    answer = pages.post("/keys/new", data=form)
    assert answer.status_code == 422
    assert 'id="keyName-error"' in answer.text
    assert re.search(rf'<input id="limit-0-{part}"[^>]*aria-describedby="limit-0-error"', answer.text)
    assert answer.text.count('aria-describedby="limit-0-error"') == 1
    kept = fields(answer)
    assert kept["note"] == ["typed"]
    assert {name: kept[name] for name in rows if "unit" not in name} == {
        name: value for name, value in rows.items() if "unit" not in name
    }


def test_two_limits_of_one_name_are_refused_below_the_rows(pages: Api) -> None:
    """What is wrong with no row alone."""
    rows = {**row(0, "1", name="same"), **row(1, "2", name="same")}
    answer = pages.post(
        "/keys/new", data={**shown(pages, "/keys/new"), "do": ["save"], "keyName": ["x"], **rows}
    )
    assert answer.status_code == 422
    assert re.search(r'id="rateLimits-error">.*Two limits are named same', answer.text)


def test_one_more_line_saves_nothing(owner: Api, pages: Api) -> None:
    """The button that needs no script shows the form again, with room."""
    key = make_key(owner, "With room")
    path = f"/keys/{key['id']}/edit"
    form = {**shown(pages, path), "keyName": ["Not saved"], **row(0, "5"), "do": ["limit"]}
    again = fields(pages.post(path, data=form))
    assert (again["limit-0-calls"], again["limit-1-calls"], again["keyName"]) == (["5"], [""], ["Not saved"])
    stored = owner.get(f"/apikey/{key['id']}").json()
    assert (stored["keyName"], stored["rateLimits"]) == ("With room", [])


def test_what_is_left_is_shown(server: Running, owner: Api, pages: Api) -> None:
    """Of the key, of the key on a chatflow, of its customer and of the chatflow; and in the list of keys."""
    chatflow, customer = make_chatflow(owner, "Counted"), make_customer(owner, "Counted")
    key = bound_key(owner, chatflow, "Counted", customerId=customer["id"])
    rate = {"windowSeconds": 86_400}
    owner.put(f"/apikey/{key['id']}", json={"rateLimits": [{"limit": 4, **rate}]})
    owner.put(
        f"/apikey/{key['id']}/chatflows", json=[{"id": chatflow["id"], "rateLimits": [{"limit": 3, **rate}]}]
    )
    owner.put(f"/customers/{customer['id']}", json={"rateLimits": [{"limit": 5, **rate}]})
    owner.put(f"/chatflows/{chatflow['id']}", json={"rateLimits": [{"limit": 6, **rate}]})
    caller = server.api(key["apiKey"])
    for _ in range(3):
        assert caller.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code == 200
    said = plain(pages.get(f"/keys/{key['id']}").text)
    assert "4 calls per day (1 left now)" in said
    assert "3 calls per day none left; one more in" in said
    assert "Together with all keys of its customer: 5 calls per day (2 left now)" in said
    assert "6 calls per day (3 left now)" in plain(pages.get(f"/chatflows/{chatflow['id']}").text)
    assert "5 calls per day (2 left now)" in plain(pages.get(f"/customers/{customer['id']}").text)
    assert "1 of 4 calls left" in plain(pages.get("/keys?search=Counted").text)
    assert caller.post("/apikey/verify", json={"count": True}).status_code == 200
    assert "no calls left" in plain(pages.get("/keys?search=Counted").text)


def test_visitors_are_limited_where_flowise_keeps_it(server: Running, owner: Api, pages: Api) -> None:
    """The rest of both configurations stays, the limit and the sites hold, and what is off is off."""
    chatflow = make_chatflow(
        owner, apiConfig='{"overrideConfig": {"a": 1}}', chatbotConfig='{"title": "Shop"}', isPublic=True
    )
    path = f"/chatflows/{chatflow['id']}"
    typed = {
        "byAddress": ["yes"],
        "addressCalls": ["2"],
        "addressSeconds": ["3600"],
        "addressMessage": ["Come back later"],
        "origins": ["https://shop.example\nhttp://localhost:8080"],
        "originsMessage": ["Not from here"],
    }
    save(pages, f"{path}/limits", **typed)
    stored = owner.get(path).json()
    assert json.loads(stored["apiConfig"]) == {
        "overrideConfig": {"a": 1},
        "rateLimit": {"status": True, "limitMax": 2, "limitDuration": 3600, "limitMsg": "Come back later"},
    }
    assert json.loads(stored["chatbotConfig"]) == {
        "title": "Shop",
        "allowedOrigins": ["https://shop.example", "http://localhost:8080"],
        "allowedOriginsError": "Not from here",
    }
    visitor = server.api(None)

    def call(origin: str) -> tuple[int, str]:
        answer = visitor.post(
            f"/prediction/{chatflow['id']}", json={"question": "x"}, headers={"Origin": origin}
        )
        return answer.status_code, answer.text

    assert call("https://evil.example") == (403, "Not from here")
    assert [call("https://shop.example")[0] for _ in range(2)] == [200, 200]
    assert call("https://shop.example") == (429, "Come back later")
    said = plain(pages.get(path).text)
    assert "2 calls per hour" in said
    assert "https://shop.example" in said
    assert fields(pages.get(f"{path}/limits"))["addressMessage"] == ["Come back later"]
    before = owner.get(path).json()
    save(pages, f"{path}/limits")
    assert owner.get(path).json() == before
    save(pages, f"{path}/limits", byAddress=[], origins=[""])
    stored = owner.get(path).json()
    assert json.loads(stored["apiConfig"])["rateLimit"]["status"] is False
    assert json.loads(stored["chatbotConfig"])["allowedOrigins"] == []
    assert call("https://evil.example")[0] == 200
    changes = owner.get("/audit", params={"subject": chatflow["id"]}).json()
    assert any(
        entry["after"]["allowedOrigins"] == ["http://localhost:8080", "https://shop.example"]
        for entry in changes
    )


def test_what_visitors_limits_cannot_be_is_said_beside_each_field(pages: Api, owner: Api) -> None:
    """All at once, also while nobody could call it anyhow."""
    path = f"/chatflows/{make_chatflow(owner)['id']}/limits"
    wrong = {
        "byAddress": ["yes"], "addressCalls": ["x"], "addressSeconds": ["0"], "origins": ["shop.example"],
        "originsMessage": ["x" * 1001], **row(0, "x"),
    }  # fmt: skip
    answer = pages.post(path, data={**shown(pages, path), "do": ["save"], **wrong})
    assert answer.status_code == 422
    found = set(re.findall(r'class="field-error" id="([\w-]+)-error"', answer.text))
    assert found == {"addressCalls", "addressSeconds", "origins", "originsMessage", "limit-0"}


def test_a_form_that_somebody_else_was_before_changes_nothing(owner: Api, pages: Api) -> None:
    """On each page that changes limits and showed other ones."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    for path, resource in (
        (f"/chatflows/{chatflow['id']}/limits", f"/chatflows/{chatflow['id']}"),
        (f"/keys/{key['id']}/chatflows/{chatflow['id']}/limits", f"/apikey/{key['id']}"),
    ):
        form = shown(pages, path)
        owner.put(resource, json={"rateLimits": [SECOND]})
        answer = pages.post(path, data={**form, "do": ["save"], **row(0, "1")})
        assert answer.status_code == 422
        assert "after you opened this form" in answer.text
        assert owner.get(resource).json()["rateLimits"] == [SECOND]


def test_making_public_says_what_limits_hold(owner: Api, pages: Api) -> None:
    """Without any it warns and leads to them."""
    free = make_chatflow(owner)
    limited = make_chatflow(owner, rateLimits=[SECOND])
    said = pages.get(f"/chatflows/{free['id']}/public").text
    assert "as often as they like" in said
    assert f'href="/chatflows/{free["id"]}/limits"' in said
    said = pages.get(f"/chatflows/{limited['id']}/public").text
    assert "as often as they like" not in said
    assert "10 calls per second, 20 at once" in said


def test_who_may_not_change_chatflows_limits_no_key_on_one(server: Running, owner: Api) -> None:
    """No link leads there, and no form is taken."""
    key = bound_key(owner, chatflow := make_chatflow(owner))
    pages = browse(server, person(server, "member", permissions=("apikeys:view", "apikeys:update")))
    path = f"/keys/{key['id']}/chatflows/{chatflow['id']}/limits"
    assert path not in pages.get(f"/keys/{key['id']}").text
    assert pages.get(path).status_code == 403
    assert pages.post(path, data=row(0, "1")).status_code == 403


def test_a_limit_is_set_and_exceeded_in_a_browser(visit: Visit, server: Running) -> None:
    """In the dialog: one more line, a mistake, and the key's page says that nothing is left."""
    workspace = "limits in a browser"
    owner = server.owner(workspace)
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow, "Limited here")
    window = visit("/keys", person(server, "owner", workspace=workspace), at=server)
    window.allow("status of 422")
    page, dialog = window.page, window.page.get_by_role("dialog")
    page.get_by_role("link", name="Edit Limited here").click()
    dialog.get_by_text("Rate limits (none)").click()
    dialog.get_by_label("Calls").first.fill("1")
    dialog.get_by_label("Unit of time").first.select_option("day")
    dialog.get_by_role("button", name="One more line").click()
    expect(dialog.get_by_role("group", name="Limit 2").get_by_label("Calls")).to_be_focused()
    dialog.get_by_role("group", name="Limit 2").get_by_label("Calls").fill("few")
    dialog.get_by_role("button", name="Save changes").last.click()
    expect(dialog.locator("#limit-1-error")).to_be_visible()
    assert_accessible(page)
    dialog.get_by_role("group", name="Limit 2").get_by_label("Calls").fill("")
    dialog.get_by_role("button", name="Save changes").last.click()
    expect(page.get_by_text("was saved")).to_be_visible()
    caller = server.api(key["apiKey"])
    codes = [caller.post(f"/prediction/{chatflow['id']}", json={"question": "x"}).status_code for _ in "12"]
    assert codes == [200, 429]
    page.goto(f"{server.url}/keys/{key['id']}")
    expect(page.get_by_text("none left; one more in")).to_be_visible()
    assert_accessible(page)
