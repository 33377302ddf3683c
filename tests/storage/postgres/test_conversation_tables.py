"""Conversations on PostgreSQL: the tests that SQLite passes."""

from collections.abc import Iterator

import pytest

from flowkeys.storage.transaction import Tables
from tests.storage.predictions.test_conversations import *  # noqa: F403  # the tests
from tests.storage.predictions.test_conversations import fill

del test_the_latest_are_found_without_sorting, test_calls_that_are_stored_together_are_stored_as_one_by_one  # noqa: F821  # of plans and steps that are SQLite's


@pytest.fixture(scope="module")
def said(empty: Tables) -> Tables:
    """400 turns of five callers."""
    fill(empty)
    return empty


@pytest.fixture
def filled(said: Tables) -> Iterator[Tables]:
    """The same for one test."""
    raw = said._connection.raw
    raw.execute("SAVEPOINT of_test")
    yield said
    raw.execute("ROLLBACK TO of_test")
