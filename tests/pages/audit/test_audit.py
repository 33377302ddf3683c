"""``/audit``: who did what, as people see it."""

import json

import httpx
import pytest

from tests.pages.forms import browse
from tests.pages.reading import words
from tests.support.flows import make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running


@pytest.fixture(scope="module")
def house(server: Running) -> tuple[Api, httpx.Client]:
    """An owner's API and their browser, in a workspace of their own."""
    workspace = "audited on pages"
    who = person(server, "owner", workspace=workspace)
    return server.owner(workspace), browse(server, who)


def test_a_change_reads_as_a_difference_with_names(house: tuple[Api, httpx.Client]) -> None:
    """Given a key that was bound and renamed, its history says so by names, with what was and what is."""
    api, browser = house
    key, flow = make_key(api, "First name"), make_chatflow(api)
    api.put(f"/apikey/{key['id']}", json={"keyName": "Second name"})
    api.put(f"/chatflows/{flow['id']}", json={"apikeyid": key["id"]})
    page = browser.get("/audit", params={"subject": key["id"]})
    said = words(page)
    assert "name: was First name is Second name" in said
    assert f"chatflows: is {flow['name']}" in said
    assert f'href="/keys/{key["id"]}"' in page.text
    assert key["apiKey"] not in page.text


def test_the_history_of_a_key_and_of_a_chatflow_is_a_link_on_their_pages(
    house: tuple[Api, httpx.Client],
) -> None:
    """Given both, each page leads to what was done to it; of a chatflow that is gone the name stays."""
    api, browser = house
    key, flow = make_key(api), make_chatflow(api)
    for path, subject in ((f"/keys/{key['id']}", key["id"]), (f"/chatflows/{flow['id']}", flow["id"])):
        assert f'href="/audit?subject={subject}"' in browser.get(path).text
    api.delete(f"/chatflows/{flow['id']}")
    assert f"Only {flow['name']}" in words(browser.get("/audit", params={"subject": flow["id"]}))


def test_a_webhook_is_named_by_its_address(house: tuple[Api, httpx.Client]) -> None:
    """Also by what does not say it, and when it is gone."""
    api, browser = house
    made = api.post("/webhooks", json={"url": "https://example.com/hooked", "events": ["key.created"]}).json()
    path = f"/webhooks/{made['id']}"
    assert api.put(path, json={"url": "https://example.com/moved"}).status_code == 200
    assert api.post(f"{path}/replace-secret", json={}).status_code in {200, 201}
    for _ in range(2):
        said = words(browser.get("/audit", params={"subject": made["id"]}))
        assert "Only https://example.com/moved" in said
        assert f"webhook {made['id']}" not in said
        assert "Replaced the secret https://example.com/moved webhook" in said
        api.delete(path)


def test_older_entries_are_a_page_further(house: tuple[Api, httpx.Client]) -> None:
    """Given more than a page holds, *Older* leads on and *Newest* back, with the filters kept."""
    api, browser = house
    for number in range(26):
        make_key(api, f"one of {number}")
    first = browser.get("/audit", params={"action": "key.create"})
    older = first.text.split('<a class="button" href="/audit?')[-1].split('"')[0].replace("&amp;", "&")
    assert "before=" in older
    second = browser.get(f"/audit?{older}")
    assert "one of 25" in words(first)
    assert "one of 25" not in words(second)
    assert 'href="/audit?action=key.create"' in second.text


def test_what_cannot_be_read_is_said_beside_the_field(house: tuple[Api, httpx.Client]) -> None:
    """Given a day that is none, the field says how one is written, and what was typed stands."""
    answer = house[1].get("/audit", params={"from": "yesterday"})
    assert answer.status_code == 422
    assert "Give a time such as" in words(answer)
    assert 'value="yesterday"' in answer.text


def test_the_export_is_the_list_as_lines(house: tuple[Api, httpx.Client]) -> None:
    """Given filters, the file has what they leave, a line each."""
    api, browser = house
    key = make_key(api, "exported")
    answer = browser.get("/audit/export", params={"subject": key["id"]})
    assert [json.loads(line)["subject"]["name"] for line in answer.text.splitlines()] == ["exported"]


def test_a_member_without_the_permission_sees_no_way_there(server: Running) -> None:
    """Given somebody who may not see the log, no page offers it and its own refuses."""
    browser = browse(server, person(server, "member"))
    assert "/audit" not in browser.get("/keys").text
    assert browser.get("/audit").status_code == 403
