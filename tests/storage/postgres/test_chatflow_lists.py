"""Lists of chatflows on PostgreSQL: the tests that SQLite passes."""

import pytest

from flowkeys.storage.transaction import Tables
from tests.storage.chatflows.test_list import *  # noqa: F403  # the tests
from tests.storage.chatflows.test_list import fill

del test_no_list_reads_a_row  # noqa: F821  # of plans and steps that are SQLite's


@pytest.fixture(scope="module")
def tables(empty: Tables) -> Tables:
    """Chatflows in two workspaces, their keys and their calls."""
    fill(empty)
    return empty
