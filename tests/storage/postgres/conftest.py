"""Tables of a PostgreSQL database, for the tests that both databases pass."""

from collections.abc import Iterator
from functools import partial

import pytest

from flowkeys.storage.postgres.connecting import connect
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.transaction import Tables
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def empty(postgres: Postgres) -> Iterator[Tables]:
    """The tables of a database of the module's own, with nothing in it; what is done is never committed."""
    url = postgres.take()
    connection = PostgresConnection(partial(connect, url))
    connection.begin_appending()
    # On a machine with much else to do, a plain look at what tests expect may take longer than is allowed.
    connection.raw.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    yield Tables(connection)
    connection.close()
    postgres.give_back(url)


@pytest.fixture
def undone(empty: Tables) -> Iterator[Tables]:
    """The same; what one test does is undone behind it."""
    raw = empty._connection.raw
    raw.execute("SAVEPOINT of_test")
    yield empty
    raw.execute("ROLLBACK TO of_test")
