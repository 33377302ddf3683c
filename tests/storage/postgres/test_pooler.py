"""A whole server behind PgBouncer in transaction mode, its feed by the way to PostgreSQL itself."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flowkeys.cli.main import main
from flowkeys.storage.postgres import migrate
from flowkeys.storage.postgres.connecting import connect
from flowkeys.storage.postgres.connection import PostgresConnection
from tests.storage.postgres.pooler import PROGRAM, Pooler
from tests.support.flows import bound_key, make_chatflow
from tests.support.postgres import Postgres
from tests.support.server import Running
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs pgbouncer")

SECRET = "0123456789abcdef" * 3


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[Pooler]:
    """PgBouncer before the PostgreSQL of the tests."""
    found = Pooler(postgres)
    yield found
    found.stop()


@pytest.fixture
def direct(postgres: Postgres) -> Iterator[str]:
    """A database with our schema and nothing in it, which nobody takes behind it."""
    found = postgres.take()
    yield found
    postgres.drop(found)


def test_keys_live_and_end_behind_a_pooler(pooler: Pooler, direct: str, tmp_path: Path) -> None:
    """Made, used, listed, changed and revoked; and what one process ends is heard by the other."""
    settings = {"database": pooler.url(direct), "database_direct": direct, "secret": SECRET}
    one = Running(tmp_path / "one", **settings).start()
    other = Running(tmp_path / "other", **settings, limits="per-process").start()
    try:
        with one.owner() as owner, other.owner() as elsewhere:
            chatflow = make_chatflow(owner)
            for number in range(12):  # more than there are connections: each is on another one
                key = bound_key(owner, chatflow, f"key {number}")
                with other.api(key["apiKey"]) as caller:
                    asked = caller.post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
                    assert asked.status_code == 200, asked.text
                    ways = [(one, owner), (other, elsewhere)]
                    ways[number % 2][1].delete(f"/apikey/{key['id']}")
                    until(
                        lambda caller=caller: caller.get("/auth/verify").status_code == 401,
                        "a revocation to be heard",
                    )
                with one.api(key["apiKey"]) as caller:
                    until(
                        lambda caller=caller: caller.get("/auth/verify").json()["code"] == "revoked_key",
                        "a revocation to be heard",
                    )
            found = elsewhere.get("/apikey", params={"status": "revoked", "search": "KEY 1"}).json()
            assert {key["keyName"] for key in found} == {"key 1", "key 10", "key 11"}
            stored = elsewhere.get(f"/chatflows/{chatflow['id']}/messages").json()
            assert len(stored) > 0
            assert one.runtime.database.feed.breaks == other.runtime.database.feed.breaks == 0
    finally:
        for running in (one, other):
            running.begin_to_stop()
        for running in (one, other):
            running.stop()


def test_nothing_of_ours_stays_on_connections_that_others_use(pooler: Pooler, direct: str) -> None:
    """Settings are those of one transaction, in which they hold; and nothing is prepared."""
    url = pooler.url(direct)
    connection = PostgresConnection(lambda: connect(url))
    assert connection.raw.is_pooled
    for begin in (connection.begin, connection.begin_reading, connection.begin_appending):
        for _ in range(4):
            begin()
            ours = connection.raw.execute("SELECT current_setting('statement_timeout')").fetchone()
            assert ours == ("30s",)
            connection.commit()
    for _ in range(8):
        theirs = "SELECT current_setting('statement_timeout'), count(*) FROM pg_prepared_statements"
        assert connection.raw.execute(theirs).fetchone() == ("0", 0)
    connection.close()
    with connect(direct) as raw:
        assert not raw.is_pooled
        assert raw.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_the_schema_is_made_through_it(pooler: Pooler, postgres: Postgres) -> None:
    """Under the lock of a transaction; another start finds it."""
    direct = postgres.create()
    migrate.upgrade(pooler.url(direct))
    migrate.upgrade(pooler.url(direct), may_change=False)
    assert migrate.found(direct) == migrate.found(pooler.url(direct)) == migrate.HEAD
    with psycopg.connect(pooler.url(direct)) as raw:
        assert raw.execute("SHOW statement_timeout").fetchone() == ("0",)
    postgres.drop(direct)


def test_the_doctor_says_what_is_missing_behind_a_pooler(
    pooler: Pooler,
    direct: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The way by which changes are heard."""
    monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FLOWKEYS_DATABASE", pooler.url(direct))
    main(["doctor"])
    assert "FLOWKEYS_DATABASE_DIRECT" in capsys.readouterr().out
    monkeypatch.setenv("FLOWKEYS_DATABASE_DIRECT", direct)
    main(["doctor"])
    assert "FLOWKEYS_DATABASE_DIRECT" not in capsys.readouterr().out
