"""The page of API keys, as the server sends it: it needs no script."""

import html
import re

import pytest

from flowkeys.domain.keys.api_key import Creator
from tests.pages.place import DAY, Place, names
from tests.support.people import person
from tests.support.server import Running

HOSTILE = "<img src=x onerror=alert(1)>"
ADA = Creator("person", "00000000-0000-4000-8000-000000000ada", "Ada")
SORTS = (
    "createdAt",
    "keyName",
    "hint",
    "status",
    "permissions",
    "chatFlows",
    "createdBy",
    "lastUsedAt",
    "expiresAt",
)


@pytest.fixture
def place(server: Running) -> Place:
    """An empty workspace."""
    return Place(server)


def text_of(page: str, column: str) -> list[str]:
    """Return a column's cells as they read, without markup."""
    cells = re.findall(rf'<td class="col-{column}"[^>]*>(.*?)</td>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells if cell]


def test_a_workspace_without_keys_says_what_a_key_is_and_offers_to_make_one(place: Place) -> None:
    """Who has never seen one makes no mistake."""
    page = place.get("/keys", place.owner).text
    assert "An API key is a secret that a program sends along" in page
    assert re.search(r'href="/keys/new"[^>]*>.*Create your first key', page)
    assert "<table" not in page


def test_a_viewer_without_keys_is_offered_none(place: Place) -> None:
    """No button that would answer 403."""
    page = place.get("/keys", place.person("viewer")).text
    assert "An API key is a secret" in page
    assert "/keys/new" not in page


def test_a_row_says_all_there_is_to_know_at_a_glance(place: Place) -> None:
    """Name, masked token, status, permissions in words, chatflows, creation, last use, expiry."""
    flow = place.chatflow("Docs assistant")
    key = place.key(
        "Production", chatflows=(flow,), permissions=("apikeys:view",), used=3 * DAY, ends_in=40 * DAY, by=ADA
    )
    page = place.get("/keys", place.owner).text
    assert place.names() == ["Production"]
    assert text_of(page, "token") == [f"fl- {'•' * 18} {key.hint}"]
    assert text_of(page, "status") == ["active"]
    assert text_of(page, "permissions") == ["API keys: view"]
    assert text_of(page, "chatflows") == ["Docs assistant"]
    assert text_of(page, "created")[0].startswith("just now just now, ")
    assert text_of(page, "created")[0].endswith("UTC by Ada")
    assert text_of(page, "used")[0].startswith("3 days ago 3 days ago, ")
    assert text_of(page, "expires")[0].startswith("in 1 month in 1 month, ")


def test_a_key_that_ends_within_a_week_is_marked_in_words(place: Place) -> None:
    """Not by colour alone."""
    place.key("soon", ends_in=6 * DAY)
    place.key("later", ends_in=8 * DAY)
    later, soon = text_of(place.get("/keys", place.owner).text, "expires")
    assert (soon.startswith("Soon: "), later.startswith("Soon: ")) == (True, False)


def test_more_than_a_few_chatflows_are_folded(place: Place) -> None:
    """Two stand there; the others are one click away, without scripts too."""
    flows = tuple(place.chatflow(f"Flow {number}") for number in range(5))
    place.key("many", chatflows=flows)
    page = place.get("/keys", place.owner).text
    assert text_of(page, "chatflows") == ["Flow 0 Flow 1 3 more Flow 2 Flow 3 Flow 4"]
    assert re.search(r"<details><summary>3 more</summary>", page)


def test_names_are_shown_as_text(place: Place) -> None:
    """Of keys, chatflows and creators alike."""
    flow = place.chatflow(HOSTILE)
    place.key(HOSTILE, chatflows=(flow,), by=Creator("person", "p", HOSTILE))
    page = place.get(f"/keys?chatflow={flow}&createdBy=p&search=%3Cimg", place.owner).text
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 5
    assert "<img" not in page


@pytest.mark.parametrize("sort", SORTS)
def test_every_column_sorts_both_ways(place: Place, sort: str) -> None:
    """A click sorts, another turns the order round, and the head says which it is."""
    place.key("b", permissions=("apikeys:view",), used=DAY, ends_in=3 * DAY, by=ADA)
    place.key("a", chatflows=(place.chatflow("F"),), status="disabled")
    page, seen = place.get("/keys?status=all", place.owner).text, []
    for _ in range(2):
        link = re.search(rf'<a href="([^"]*)" id="sort-{sort}"', page)[1]
        page = place.get(html.unescape(link), place.owner).text
        seen.append((re.findall(r'aria-sort="(\w+)"', page), names(page)))
    (first, found), (second, turned) = seen
    assert sorted([first, second]) == [["ascending"], ["descending"]]
    assert sorted(found) == ["a", "b"]
    assert found == turned[::-1]


def test_the_list_says_where_in_it_one_is(place: Place) -> None:
    """From which key to which, and how many there are."""
    for number in range(57):
        place.key(f"key {number:02}")
    page = place.get("/keys?sort=keyName&page=2", place.owner).text
    assert "13\u201324 of 57 keys" in page
    links = {label: url for url, label in re.findall(r'id="page-\w+" href="([^"]*)">(\w+)', page)}
    assert links == {
        "First": "/keys?sort=keyName",
        "Previous": "/keys?sort=keyName",
        "Next": "/keys?sort=keyName&amp;page=3",
        "Last": "/keys?sort=keyName&amp;page=5",
    }


def test_a_page_beyond_the_end_is_the_last_one(place: Place) -> None:
    """As when the keys of the last page were revoked in another tab."""
    for number in range(13):
        place.key(f"key {number:02}")
    page = place.get("/keys?sort=keyName&page=99999", place.owner).text
    assert ">13 of 13 keys<" in page
    assert 'id="page-next"' not in page


def test_a_search_that_finds_nothing_leads_back(place: Place) -> None:
    """Another thing than having no keys."""
    place.key("there")
    page = place.get("/keys?search=nothing%20like%20it", place.owner).text
    assert "No key matches" in page
    assert 'href="/keys"' in page
    assert "An API key is a secret" not in page


def test_keys_that_are_all_revoked_are_no_empty_workspace(place: Place) -> None:
    """They are left out, and can be looked at."""
    place.key("gone", status="revoked")
    page = place.get("/keys", place.owner).text
    assert "All keys are revoked" in page
    assert place.names("?status=revoked") == ["gone"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["expired", "disabled", "active"]),
        ("?status=active", ["active"]),
        ("?status=disabled", ["disabled"]),
        ("?status=expired", ["expired"]),
        ("?status=revoked", ["revoked"]),
        ("?status=all", ["revoked", "expired", "disabled", "active"]),
        ("?search=BLED", ["disabled"]),
        (f"?createdBy={ADA.id}", ["disabled"]),
    ],
)
def test_filters_leave_only_what_was_asked_for(place: Place, query: str, found: list[str]) -> None:
    """Each alone; that they can be combined is the store's own test."""
    place.key("active")
    place.key("disabled", status="disabled", by=ADA)
    place.key("expired", ends_in=-DAY)
    place.key("revoked", status="revoked")
    assert place.names(query) == found


def test_a_key_is_found_by_its_last_four_characters(place: Place) -> None:
    """That is what people see of a token elsewhere."""
    key = place.key("this one")
    place.key("another")
    assert place.names(f"?search={key.hint}") == ["this one"]


def test_a_filter_that_is_set_can_be_cleared_alone(place: Place) -> None:
    """The others stay."""
    flow = place.chatflow("Support bot")
    place.key("one", chatflows=(flow,), by=ADA)
    page = place.get(f"/keys?chatflow={flow}&createdBy={ADA.id}&search=one", place.owner).text
    chips = re.findall(r'<a class="chip" href="([^"]*)">([^<]*)<bdi>([^<]*)</bdi>', page)
    assert [(says, what) for _, says, what in chips] == [
        ("Search: ", "one"),
        ("Chatflow: ", "Support bot"),
        ("Created by: ", "Ada"),
    ]
    assert chips[1][0] == f"/keys?search=one&amp;createdBy={ADA.id}"


def test_a_chatflow_without_keys_is_named_all_the_same(place: Place) -> None:
    """So that it is clear of what there are none."""
    place.key("other")
    flow = place.chatflow("Lonely")
    page = place.get(f"/keys?chatflow={flow}", place.owner).text
    assert "No key matches" in page
    assert "Chatflow: <bdi>Lonely</bdi>" in page


def test_chatflows_to_filter_by_are_searched(place: Place) -> None:
    """Among two thousand nobody scrolls; what else is set is kept."""
    wanted = place.chatflow("Support bot")
    place.chatflow("Docs assistant")
    page = place.get("/keys/filter/chatflow?find=PORT&status=all", place.owner).text
    assert f'href="/keys?status=all&amp;chatflow={wanted}"' in page
    assert "Docs assistant" not in page


def test_what_is_offered_for_a_key_would_work(place: Place) -> None:
    """Nothing to enable where it is active, nothing at all where it is revoked."""
    keys = {
        status: place.key(status, status=status, ends_in=-DAY if status == "expired" else None)
        for status in ("active", "disabled", "expired", "revoked")
    }
    page = place.get("/keys?status=all", place.owner).text
    offered = {
        status: [verb for verb in ("edit", "disable", "enable", "revoke") if f"/keys/{key.id}/{verb}" in page]
        for status, key in keys.items()
    }
    assert offered == {
        "active": ["edit", "disable", "revoke"],
        "disabled": ["edit", "enable", "revoke"],
        "expired": ["edit", "revoke"],
        "revoked": [],
    }


def test_a_key_that_holds_more_than_the_person_is_not_theirs_to_change(place: Place) -> None:
    """The ceiling: it would answer 403, alone and among others."""
    greater, lesser = place.key("greater", permissions=("users:manage",)), place.key("lesser")
    page = place.get("/keys", place.person("member")).text
    assert f"/keys/{lesser.id}/disable" in page
    assert f"/keys/{greater.id}/disable" not in page
    assert re.findall(r'name="ids" value="([^"]*)"', page) == [lesser.id]


def test_a_viewer_sees_the_keys_and_nothing_to_press(place: Place) -> None:
    """No button that would answer 403."""
    place.key("seen")
    page = place.get("/keys", place.person("viewer")).text
    assert names(page) == ["seen"]
    assert not re.findall(r'type="checkbox"|formaction=|/edit"|/revoke"|/keys/new|id="bulk"', page)


def test_who_may_not_see_chatflows_gets_no_links_to_them(place: Place) -> None:
    """Their names belong to the key and are shown."""
    flow = place.chatflow("Docs assistant")
    place.key("one", chatflows=(flow,))
    page = place.get("/keys", place.person("member", permissions=("apikeys:view",))).text
    assert "Docs assistant" in page
    assert "/chatflows/" not in page
    assert "/keys/filter/chatflow" not in page


def test_another_workspace_has_its_own_list(place: Place, server: Running) -> None:
    """Whatever the URL says."""
    flow = place.chatflow("Ours")
    place.key("ours", chatflows=(flow,), by=ADA)
    theirs = Place(server)
    theirs.key("theirs")
    assert theirs.names("?status=all") == ["theirs"]
    assert theirs.names(f"?chatflow={flow}&createdBy={ADA.id}&status=all") == []


def test_a_part_that_a_script_asks_for_says_its_plain_address(place: Place) -> None:
    """What is pushed to the address bar is without empty fields."""
    place.key("one")
    asked = {"HX-Request": "true", "HX-Target": "list"}
    answer = place.get("/keys?search=one&status=&size=12", place.owner, **asked)
    assert answer.headers["HX-Push-Url"] == "/keys?search=one"


def test_nobody_sees_keys_without_the_permission(place: Place) -> None:
    """The page needs what the API needs."""
    place.key("secret name")
    answer = place.get("/keys", person(place.server, "member", workspace=place.name, permissions=()))
    assert answer.status_code == 403
    assert "secret name" not in answer.text
