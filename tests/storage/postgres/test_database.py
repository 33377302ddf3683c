"""What the store promises, on PostgreSQL: units of work undo nothing of each other, nor do processes."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import text

from flowkeys.domain.audit import verification
from flowkeys.domain.audit.chain import ChainKey
from flowkeys.domain.errors import NotFound, Unavailable
from flowkeys.domain.journal import AuditEntry, Subject
from flowkeys.domain.keys.policy import Policy
from flowkeys.domain.people.workspace import Workspace
from flowkeys.service.ports.store import Transaction
from flowkeys.storage.postgres.adapting import INSTEAD_OF_NUL
from flowkeys.storage.postgres.connecting import connect
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.postgres.database import PostgresStore
from flowkeys.storage.postgres.watched import Watched
from flowkeys.storage.statement import Statement
from tests.storage.predictions.messages import message
from tests.support.batches import held

KEY = ChainKey(1, b"k" * 32)


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[list[PostgresStore]]:
    """Two processes' stores over one database with a workspace."""
    made = [PostgresStore(postgres_url), PostgresStore(postgres_url)]
    await made[0].write(lambda tx: tx.workspaces.insert(Workspace("w", "w", 0)))
    yield made
    for store in made:
        store.close()


def noted(name: str) -> Any:
    """Return a unit of work that writes an entry of the audit log."""
    entry = AuditEntry(
        workspace_id="w",
        at=1,
        actor_type="operator",
        actor_id=None,
        actor_name="o",
        action=name,
        subject=Subject.KEY,
        subject_id="k",
        address=None,
        request_id=None,
        before=None,
        after={"a": name},
    )
    return lambda tx: tx.journal.audit(entry)


def names(tx: Transaction) -> set[str]:
    """Return what the workspaces are called."""
    return {each.name for each in tx.workspaces.all()}


async def test_what_fails_in_one_unit_undoes_nothing_of_another(stores: list[PostgresStore]) -> None:
    """Of units that share a commit, too; a row that does not fit is its caller's fault, and no outage."""
    store = stores[0]

    def fails(tx: Transaction) -> None:
        tx.workspaces.insert(Workspace("x", "x", 0))
        raise NotFound("x")

    def meanwhile() -> list[asyncio.Future[Any]]:
        units = [
            lambda tx: tx.workspaces.insert(Workspace("a", "a", 0)),
            fails,
            lambda tx: tx.workspaces.insert(Workspace("a", "again", 0)),
            lambda tx: tx.workspaces.insert(Workspace("b", "b", 0)),
        ]
        return [asyncio.ensure_future(store.write(unit)) for unit in units]

    first, failed, unfit, last = await held(store.writer, meanwhile)
    assert (first, last) == (None, None)
    assert isinstance(failed, NotFound)
    assert isinstance(unfit, psycopg.errors.UniqueViolation)
    assert await store.read(names) == {"w", "a", "b"}
    assert await stores[1].read(names) == {"w", "a", "b"}


async def test_two_processes_that_read_and_write_the_same_do_so_one_after_the_other(
    stores: list[PostgresStore],
) -> None:
    """Each counts what is there and adds one: none is lost, though neither waits for the other."""
    await stores[0].write(lambda tx: tx.policies.put("w", Policy(version=0, updated_at=0)))

    def count(tx: Transaction) -> None:
        found = tx.policies.get("w")
        tx.policies.put("w", Policy(version=found.version + 1, updated_at=0))

    async def often(store: PostgresStore) -> None:
        for _ in range(20):
            await store.write(count)

    await asyncio.gather(*(often(store) for store in stores))
    assert (await stores[1].read(lambda tx: tx.policies.get("w"))).version == 40


async def test_what_several_processes_note_is_one_chain(
    stores: list[PostgresStore], postgres_url: str
) -> None:
    """Sealed in order, with no number left out, whatever was rolled back; acknowledged is there for all."""

    def undone(tx: Transaction) -> None:
        noted("undone")(tx)
        raise NotFound("x")

    for store in stores:
        store.audit_key = KEY
    for number in range(10):
        results = await asyncio.gather(
            *(store.write(noted(f"{n}-{number}")) for n, store in enumerate(stores)),
            stores[0].write(undone),
            return_exceptions=True,
        )
        assert [type(each) for each in results] == [type(None), type(None), NotFound]
        assert await stores[0].read(lambda tx: tx.audit_chain.count()) == 2 * (number + 1)
    found = await stores[1].read(lambda tx: verification.verify([*tx.audit_chain.rows()], {1: KEY}))
    assert (found.rows, found.fault) == (20, None)
    with psycopg.connect(postgres_url, autocommit=True) as raw:
        raw.execute("UPDATE audit SET actor_name = 'somebody' WHERE seq = 7")
    found = await stores[1].read(lambda tx: verification.verify([*tx.audit_chain.rows()], {1: KEY}))
    assert found.fault is not None
    assert (found.fault.kind, found.fault.seq) == ("changed", 7)


async def test_rows_of_a_process_that_ended_before_it_sealed_them_are_sealed_by_the_next(
    stores: list[PostgresStore],
) -> None:
    """They were committed: nothing that was done goes unsaid."""
    await stores[0].write(noted("early"))  # as one without the key, they wait
    assert await stores[0].read(lambda tx: tx.audit_chain.count()) == 0
    stores[1].audit_key = KEY
    await stores[1].write(noted("late"))
    rows = await stores[1].read(lambda tx: [row.values[6] for row in tx.audit_chain.rows()])
    assert rows == ["early", "late"]


async def test_a_database_that_was_away_is_used_again(stores: list[PostgresStore], postgres_url: str) -> None:
    """Connections that ended are opened anew, for reading, writing and messages: no restart."""
    store = stores[0]
    assert await store.read(names) == {"w"}
    with psycopg.connect(postgres_url, autocommit=True) as raw:
        raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await store.write(lambda tx: tx.workspaces.insert(Workspace("v", "v", 0)))
    assert await store.read(names) == {"w", "v"}
    with pytest.raises(NotFound):
        await store.add_messages([message("m", "none")])


async def test_a_database_that_is_away_is_an_outage() -> None:
    """Nothing hangs, and nothing is denied: readers and writers are told that the store is away."""
    store = PostgresStore("postgresql://keys@127.0.0.1:9/flowkeys")
    with pytest.raises(Unavailable):
        await store.read(names)
    with pytest.raises(Unavailable):
        await store.write(names)
    with pytest.raises(Unavailable):
        await store.check_writes()
    store.close()


async def test_nothing_is_prepared_on_the_server_where_the_url_says_so(postgres_url: str) -> None:
    """For poolers that know nothing of prepared statements."""
    asked = Statement(text("SELECT count(*) FROM pg_prepared_statements"))
    for url, prepares in ((postgres_url, True), (f"{postgres_url}&prepare_threshold=0", False)):
        connection = PostgresConnection(partial(connect, url))
        found = [connection.rows(asked)[0][0] for _ in range(5)]
        assert (found[-1] > 0) is prepares
        connection.close()


async def test_a_nul_in_a_text_is_kept_as_what_stands_for_one(stores: list[PostgresStore]) -> None:
    """PostgreSQL has none in texts; whatever a model says, its answer is stored."""
    await stores[0].write(lambda tx: tx.workspaces.insert(Workspace("n", "a\0b", 0)))
    assert f"a{INSTEAD_OF_NUL}b" in await stores[1].read(names)


async def test_all_processes_go_by_one_clock(stores: list[PostgresStore]) -> None:
    """The database's, whatever their own machines say."""
    assert await stores[0].write(lambda tx: tx.processes.now(7)) > 1_700_000_000 * 1_000_000
    assert await stores[1].read(lambda tx: tx.processes.now(7)) > 1_700_000_000 * 1_000_000


async def test_texts_that_mean_something_in_an_array_are_kept_as_they_are(
    stores: list[PostgresStore], postgres_url: str
) -> None:
    """Rows that are written together go to the database as one array for each column."""
    texts = ["", " ", "NULL", "{}", "a,b", 'say "no"', "\\", 'C:\\x\\"', "two\nlines\t", "東京 🎉", "'); --"]
    units = [noted(text) for text in texts]
    await held(stores[0].writer, lambda: [asyncio.ensure_future(stores[0].write(unit)) for unit in units])
    stores[0].audit_key = KEY
    await stores[0].write(noted("sealed"))
    with psycopg.connect(postgres_url) as raw:
        found = raw.execute("SELECT action, after, actor_id FROM audit ORDER BY seq").fetchall()
    assert found == [(text, msgspec.json.encode({"a": text}).decode(), None) for text in [*texts, "sealed"]]


async def test_writing_many_rows_asks_the_database_as_often_as_writing_two(
    stores: list[PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement is the same for any number of rows, here and when they are sealed."""
    store = stores[0]
    store.audit_key = KEY
    asked: list[None] = []
    wait = Watched.wait

    def counted(self: Watched, *arguments: Any, **options: Any) -> Any:
        asked.append(None)
        return wait(self, *arguments, **options)

    await store.write(noted("prepared"))
    monkeypatch.setattr(Watched, "wait", counted)
    times = []
    for many in (2, 100):
        asked.clear()
        units = [noted(str(number)) for number in range(many)]
        found = await held(
            store.writer, lambda units=units: [asyncio.ensure_future(store.write(unit)) for unit in units]
        )
        assert found == [None] * many
        times.append(len(asked))
    assert times[0] == times[1]


RENAME = Statement(text("UPDATE workspace SET created_at = created_at + 1 WHERE id = :id"))
AT = Statement(text("SELECT id, created_at FROM workspace ORDER BY id"))


def touch(name: str) -> Any:
    """Return a unit of work that changes one row."""
    return lambda tx: tx._connection.run(RENAME, {"id": name})


def times(tx: Transaction) -> dict[str, int]:
    """Return how often each row was changed."""
    return dict(tx._connection.rows(AT))


async def test_of_writes_that_share_a_commit_only_those_fail_that_need_what_is_held(
    stores: list[PostgresStore], postgres_url: str
) -> None:
    """Each is an outage for its caller, who may try again; when it is let go, all goes on."""
    store = stores[0]
    for name in "abc":
        await store.write(lambda tx, name=name: tx.workspaces.insert(Workspace(name, name, 0)))
    with psycopg.connect(postgres_url) as by_hand:
        by_hand.execute("SELECT * FROM workspace WHERE id = 'b' FOR UPDATE")
        units = [touch(name) for name in "abcb"]
        found = await held(store.writer, lambda: [asyncio.ensure_future(store.write(unit)) for unit in units])
        assert [type(each) for each in found] == [int, Unavailable, int, Unavailable]
        assert isinstance(found[1].__cause__, psycopg.errors.LockNotAvailable)
        with pytest.raises(Unavailable, match="holds what is to be changed"):
            await store.write(touch("b"))
        await store.write(touch("c"))
        assert not store.writer.failed
    await store.write(touch("b"))
    assert await store.read(times) == {"a": 1, "b": 1, "c": 2, "w": 0}
