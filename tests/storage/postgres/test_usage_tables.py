"""Usage on PostgreSQL: the tests that SQLite passes."""

import pytest

from flowkeys.storage.transaction import Tables
from flowkeys.storage.usage.usage import UsageTable
from tests.storage.usage.test_usage import *  # noqa: F403  # the tests
from tests.storage.usage.test_usage import fill

del test_questions_go_along_indexes, test_keys_that_fail_are_found_without_a_look_at_those_that_do_not  # noqa: F821  # of plans and steps that are SQLite's


@pytest.fixture
def usage(undone: Tables) -> UsageTable:
    """The table in a new database."""
    fill(undone)
    return undone.usage
