"""Two processes on one file when the disk is full, the file is locked, or a page of it broken.

Each answers what it can, 503 for the rest, and all goes on in both of them without a restart.
"""

import contextlib
import json
import os
import resource
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.going_away.test_a_thousand_revocations import several
from tests.conformance.process import Served
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api
from tests.support.waiting import until

WELL = {"known": 200, "list": 200, "write": 201, "prediction": 200}
NO_WRITES = {"known": 200, "list": 200, "write": 503, "prediction": 503}
NO_KEYS = {"known": 200, "list": 503, "write": 503, "prediction": 200}


class Pair:
    """Both processes, with a key that they know."""

    def __init__(self, servers: Sequence[Served]) -> None:
        self.servers = servers
        self.file = servers[0].data_dir / "flowkeys.db"
        self.owner = json.loads(servers[0].command("keys", "create", "owner", "--permission", "*", "--json"))
        with self._api(servers[0], self.owner) as owner:
            self.chatflow = make_chatflow(owner)["id"]
            self.key = bound_key(owner, {"id": self.chatflow})

    def told(self, *, at_once: bool = False) -> list[dict[str, int]]:
        """Return what each is told, by each process; what is 503 says when to come again, and what it is.

        Calls come one after the other, since of writes that share a commit a broken one spoils all; or at
        once, so that what waits for a lock waits beside the others.
        """
        with ThreadPoolExecutor() as pool:
            return [*pool.map(lambda server: self._told(server, 4 if at_once else 1), self.servers)]

    def _told(self, server: Served, beside: int) -> dict[str, int]:
        with (
            self._api(server, self.owner) as owner,
            self._api(server, self.key) as caller,
            ThreadPoolExecutor(beside) as pool,
        ):
            asked = {
                "known": pool.submit(caller.get, f"/auth/verify/chatflow/{self.chatflow}"),
                "list": pool.submit(owner.get, "/apikey"),
                "write": pool.submit(owner.post, "/apikey", json={"keyName": "another"}),
                "prediction": pool.submit(
                    caller.post, f"/prediction/{self.chatflow}", json={"question": "Hello"}
                ),
            }
            answers = {name: answer.result() for name, answer in asked.items()}
        for answer in answers.values():
            if answer.status_code == 503:
                assert answer.headers["content-type"].startswith("application/problem+json")
                assert int(answer.headers["retry-after"]) > 0
                assert (answer.json()["code"], "Try again" in answer.json()["detail"]) == (
                    "unavailable",
                    True,
                )
        return {name: answer.status_code for name, answer in answers.items()}

    def _api(self, server: Served, key: dict) -> Api:
        return Api(server.url, key["apiKey"], {})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both over a file of this module's own; they are the same two at its end."""
    with several(2, "sqlite", tmp_path_factory.mktemp("pair"), None) as servers:
        found = Pair(servers)
        assert found.told() == [WELL, WELL]
        yield found
        for server in servers:
            assert server.process is not None
            assert server.process.poll() is None
        assert "Traceback" not in servers[0].log.read_text("utf-8")


@contextlib.contextmanager
def full_disk(pair: Pair) -> Iterator[None]:
    """Let no file of theirs grow."""
    limits = {}
    for server in pair.servers:
        assert server.process is not None
        pid = server.process.pid
        limits[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[pid][1]))
    try:
        yield
    finally:
        for pid, before in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def locked(pair: Pair) -> Iterator[None]:
    """Hold the write lock, as a store does that is too slow for everybody."""
    with contextlib.closing(sqlite3.connect(pair.file, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        yield
        raw.execute("ROLLBACK")


@contextlib.contextmanager
def broken_page(pair: Pair) -> Iterator[None]:
    """Spoil the page by which keys are found, as a disk does that lies."""
    with contextlib.closing(sqlite3.connect(pair.file, isolation_level=None)) as raw:

        def emptied() -> bool:
            return raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0

        until(emptied, "all to be in the file itself")
        size = raw.execute("PRAGMA page_size").fetchone()[0]
        pages = raw.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'api_key' AND rootpage > 0")
        at = [(page - 1) * size for (page,) in pages]
        with pair.file.open("r+b", buffering=0) as file:
            before = {place: _swap(file.fileno(), place, b"\xff" * size) for place in at}
            try:
                _let_all_look(raw)
                yield
            finally:
                for place, page in before.items():
                    _swap(file.fileno(), place, page)
                _let_all_look(raw)


def _swap(file: int, place: int, page: bytes) -> bytes:
    before = os.pread(file, len(page), place)
    os.pwrite(file, page, place)
    return before


def _let_all_look(raw: sqlite3.Connection) -> None:
    """Commit something: what SQLite has read it keeps until anybody does."""
    raw.execute("UPDATE workspace SET created_at = created_at + 1")


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        pytest.param(full_disk, NO_WRITES, id="full disk"),
        pytest.param(locked, NO_WRITES, id="slow"),
        pytest.param(broken_page, NO_KEYS, id="broken page"),
    ],
)
def test_each_process_says_what_it_cannot_do_and_goes_on(
    pair: Pair, broken: object, expected: dict[str, int]
) -> None:
    """Known keys are let in all the time; what is refused was not done."""
    with broken(pair):  # type: ignore[operator]
        at_once = broken is locked
        until(lambda: pair.told(at_once=at_once) == [expected] * 2, lambda: f"{expected}: {pair.told()}")
        keys = _keys(pair.file) if broken is not broken_page else None
        assert pair.told(at_once=at_once) == [expected] * 2
        assert keys is None or _keys(pair.file) == keys
    until(lambda: pair.told() == [WELL] * 2, lambda: f"all to be well: {pair.told()}")


def _keys(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file)) as raw:
        return int(raw.execute("SELECT count(*) FROM api_key").fetchone()[0])
