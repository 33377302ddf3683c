"""Documents are searched on PostgreSQL as on SQLite: the same tests."""

import pytest

from flowkeys.storage.transaction import Tables
from tests.documents.test_search import *  # noqa: F403  # the tests
from tests.documents.test_search import fill

del test_a_large_collection_answers_in_few_steps  # noqa: F821  # of plans and steps that are SQLite's


@pytest.fixture(scope="module")
def tables(empty: Tables) -> Tables:
    """Two workspaces; each test makes the collections it needs."""
    fill(empty)
    return empty
