"""Quotas on pages: typed in rows, kept as typed when one is wrong; what is used of them is shown as a bar."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.axe import assert_accessible
from tests.pages.conftest import Visit
from tests.pages.forms import browse, fields
from tests.pages.keys.test_limits import plain, save, shown
from tests.support.flows import make_customer, make_key
from tests.support.people import person
from tests.support.server import Api, Running

MONTHLY = [{"calls": 4, "period": "month"}]


@pytest.fixture(scope="module")
def pages(server: Running) -> Api:
    """An owner's browser."""
    return browse(server, person(server))


def row(number: int, amount: str, unit: str = "calls", period: str = "month") -> dict[str, list[str]]:
    """Return what a form sends for one quota."""
    parts = {"amount": amount, "unit": unit, "period": period}
    return {f"quota-{number}-{part}": [text] for part, text in parts.items()}


def written(owner: Api, path: str) -> list[dict[str, Any]]:
    """Return the quotas of a key or customer without what is used of them."""
    names = {"calls", "tokens", "period"}
    return [
        {name: value for name, value in quota.items() if name in names}
        for quota in owner.get(path).json()["quotas"]
    ]


def test_forms_take_rows_and_show_them_again(owner: Api, pages: Api) -> None:
    """Of a key that is made, a key, and a customer; other changes keep them, empty rows take them away."""
    key, customer = make_key(owner, "Metered"), make_customer(owner, "Metered")
    rows = {**row(0, "1,000"), **row(3, "50000", "tokens", "30d")}
    both = [{"calls": 1000, "period": "month"}, {"tokens": 50_000, "period": "30d"}]
    save(pages, "/keys/new", keyName=["Made with quotas"], **rows)
    (made,) = owner.get("/apikey", params={"search": "Made with quotas"}).json()
    assert written(owner, f"/apikey/{made['id']}") == both
    for path, resource in (
        (f"/keys/{key['id']}/edit", f"/apikey/{key['id']}"),
        (f"/customers/{customer['id']}/edit", f"/customers/{customer['id']}"),
    ):
        save(pages, path, **rows)
        assert written(owner, resource) == both, path
        again = shown(pages, path)
        assert [again[f"quota-1-{part}"] for part in ("amount", "unit", "period")] == [
            ["50000"], ["tokens"], ["30d"],
        ], path  # fmt: skip
        owner.put(resource, json={"quotas": [{"calls": 1, "period": "45d"}]})
        assert shown(pages, path)["quota-0-period"] == ["45d"], "one that no form offers"
        save(pages, path)
        assert written(owner, resource) == [{"calls": 1, "period": "45d"}]
        save(pages, path, **row(0, ""))
        assert written(owner, resource) == [], path


def test_what_is_wrong_stands_beside_its_row(owner: Api, pages: Api) -> None:
    """422 with what was typed; nothing is changed; one more row is no save."""
    key = make_key(owner, "Kept", quotas=MONTHLY)
    path = f"/keys/{key['id']}/edit"
    for rows, said in (
        (row(0, "many"), "Give a whole number from 1 to"),
        (row(0, "0"), "Give a whole number from 1 to"),
        (row(1, "5", "words"), "Give a whole number from 1 to"),
        (row(1, "5", "calls", "week"), "Give a whole number from 1 to"),
        (row(1, "5"), "Two quotas are of calls per month."),
    ):
        answer = pages.post(path, data={**shown(pages, path), "do": ["save"], **rows})
        assert (answer.status_code, said in plain(answer.text)) == (422, True), rows
        assert fields(answer)["quota-0-amount"] == rows.get("quota-0-amount", ["4"])
    longer = pages.post(path, data={**shown(pages, path), "do": ["quota"], **row(1, "9", "tokens")})
    assert longer.status_code == 200
    assert fields(longer)["quota-2-amount"] == [""]
    assert written(owner, f"/apikey/{key['id']}") == MONTHLY


def test_a_quota_is_set_used_up_and_seen(visit: Visit, server: Running, owner: Api) -> None:
    """In a browser: a key with its customer's quota beside its own, before and after it is used up."""
    customer = make_customer(owner, "Shares", quotas=[{"calls": 100, "period": "7d"}])
    key = make_key(owner, "Counted", customerId=customer["id"])
    window = visit(f"/keys/{key['id']}/edit", person(server, "owner"))
    page = window.page
    page.get_by_text("Quotas (none)").click()
    page.get_by_label("At most").first.fill("4")
    assert_accessible(page)
    page.get_by_role("button", name="Save changes").last.click()
    facts = page.locator("dl.facts")
    page.goto(f"{server.url}/keys/{key['id']}")
    expect(facts).to_contain_text("4 calls per calendar month")
    expect(facts).to_contain_text("0 used, 4 left")
    caller = server.api(key["apiKey"])
    assert [caller.get("/auth/verify").status_code for _ in range(5)] == [200] * 4 + [429]
    page.reload()
    expect(facts).to_contain_text("4 used, none left")
    expect(facts).to_contain_text("4 used, 96 left")
    bar = page.get_by_role("progressbar", name="Used of 4 calls per calendar month")
    expect(bar).to_have_attribute("value", "4")
    assert_accessible(page)
    page.goto(f"{server.url}/customers/{customer['id']}")
    expect(facts).to_contain_text("4 used, 96 left")
