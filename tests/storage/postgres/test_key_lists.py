"""Lists of keys on PostgreSQL: what a plain look at every key answers, as on SQLite."""

import random
from itertools import product

import msgspec
import pytest

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeyQuery
from flowkeys.storage.transaction import Tables
from tests.storage.keys.test_page import (
    BOUND,
    NOW,
    SORTS,
    _expected,
    fill,
    test_following_before_meets_every_key_once,  # noqa: F401
)


@pytest.fixture(scope="module")
def tables(empty: Tables) -> Tables:
    """300 keys in two workspaces."""
    fill(empty)
    return empty


@pytest.mark.parametrize("asked", [10, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "search",
    [
        *("", "PROD", "strasse", "CI 1", "nothing", "h012", "fl-••h013", "o", "pr", "客", "%", "_c", "\\"),
        *('o"t', "'", "İ", "ß", "e\u0301", "\U0001f511b"),
    ],
)
def test_every_filter_sort_and_page_agrees_with_a_plain_look(tables: Tables, asked: int, search: str) -> None:
    """The same keys, order and total."""
    combinations = product([None, "all", *Status], SORTS, (True, False), (None, *BOUND), (None, "ada"))
    for status, sort, descending, chatflow, creator in random.Random(search).sample([*combinations], asked):
        query = KeyQuery(
            workspace_id="w1",
            search=search,
            status=status,
            chatflow_id=chatflow,
            created_by_id=creator,
            sort=sort,
            descending=descending,
            limit=7,
        )
        expected = _expected(query)
        for offset in (0, 3, max(len(expected) - 4, 0), len(expected) + 1):
            page = tables.keys.page(msgspec.structs.replace(query, offset=offset), NOW)
            wanted = [k.id for k in expected[offset : offset + 7]]
            assert [k.id for k in page.items] == wanted, (status, sort, descending, chatflow, creator, offset)
            assert page.total == len(expected), (status, sort, descending, chatflow, creator)
