"""What the page of keys shows is its URL, and nothing else."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.keys.api_key import Status
from flowkeys.web.pages.keys.query import SIZES, SORTS, STATUSES, KeyList

lists = st.builds(
    KeyList,
    search=st.text(max_size=200).map(str.strip),
    status=st.sampled_from(list(STATUSES)),
    chatflow=st.text(max_size=40).map(str.strip),
    created_by=st.text(max_size=40).map(str.strip),
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
    size=st.sampled_from(SIZES),
    page=st.integers(1, 999_999_999),
)


@given(shown=lists)
def test_a_url_names_the_very_list_it_was_made_from(shown: KeyList) -> None:
    """So that a list can be kept, sent, and gone back to."""
    assert KeyList.read(dict(parse_qsl(urlsplit(shown.url).query))) == shown


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"status": "alive", "sort": "-owner", "size": "13", "page": "0"},
        {"size": "1e2", "page": "-1", "sort": "--createdAt"},
        {"size": "١٢", "page": "9" * 400, "status": "Active", "sort": ""},
    ],
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(sent: dict[str, str]) -> None:
    """An address that somebody mistyped, or that is older than this version, still shows keys."""
    assert KeyList.read(sent) == KeyList()


def test_the_usual_list_has_the_plain_address() -> None:
    """Nothing that goes without saying is in it."""
    assert KeyList().url == "/keys"


def test_a_change_leads_to_the_first_page() -> None:
    """The seventh page of one search is nowhere in another."""
    assert KeyList(page=7, size=25).at(search="a b") == "/keys?search=a%20b&size=25"


def test_a_change_of_the_page_keeps_the_rest() -> None:
    """Paging leafs through one and the same list."""
    shown = KeyList(search="x", status="all", sort="keyName", descending=False)
    assert shown.at(page=2) == "/keys?search=x&status=all&sort=keyName&page=2"


def test_the_service_is_asked_for_exactly_this_page() -> None:
    """Page 3 of 25 begins after 50 keys."""
    query = KeyList(status="disabled", chatflow="c", created_by="p", size=25, page=3).query("w")
    asked = (
        query.workspace_id,
        query.status,
        query.chatflow_id,
        query.created_by_id,
        query.limit,
        query.offset,
    )
    assert asked == ("w", Status.DISABLED, "c", "p", 25, 50)


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (12, 1), (13, 2), (57, 5)])
def test_there_is_always_a_page(total: int, pages: int) -> None:
    """And none more than is needed."""
    assert KeyList().pages(total) == pages
