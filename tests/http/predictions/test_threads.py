"""Python flows that hold every thread they may: the server's own work has threads of its own."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowkeys.cli.main import main
from flowkeys.flows.drafts.templates import python_flow
from tests.http.predictions import blocking
from tests.support.databases import ON_POSTGRES
from tests.support.flows import make_chatflow, make_key
from tests.support.people import PASSWORD, person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.of_one_process("the threads are counted in this one")

_THREADS = 3
_KINDS = ("block", "to_thread", "in_a_task")
_CALLS = 8 + (os.cpu_count() or 1)
"""Of each kind: more than a loop of Python has threads."""


@pytest.fixture
def running(start: Callable[..., Running]) -> Iterator[Running]:
    """A server whose flows may hold few threads; in the end they are let go."""
    blocking.GO.clear()
    blocking.begun.clear()
    targets = tuple(f"tests.http.predictions.blocking:{kind}" for kind in _KINDS)
    yield start(python_flows=targets, python_threads=_THREADS)
    blocking.GO.set()


def test_flows_that_hold_all_their_threads_hold_up_nothing_else(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and chatflows are made, people sign in and see their pages, backups are made, calls are verified.

    The flows that wait have their turn when others end: no call is lost.
    """
    owner, someone = running.owner(), person(running)
    flows = [
        make_chatflow(owner, kind, python_flow(f"tests.http.predictions.blocking:{kind}")) for kind in _KINDS
    ]
    echo = make_chatflow(owner)
    key = make_key(owner, chatflowIds=[*(flow["id"] for flow in flows), echo["id"]])
    caller = running.api(key["apiKey"])

    def ask(chatflow_id: str) -> str:
        answer = caller.post(f"/prediction/{chatflow_id}", json={"question": "x"}, timeout=PATIENCE_SECONDS)
        return str(answer.json().get("text"))

    with ThreadPoolExecutor(len(flows) * _CALLS) as pool:
        asked = [pool.submit(ask, flow["id"]) for flow in flows for _ in range(_CALLS)]
        try:
            until(lambda: len(blocking.begun) == 2 * _THREADS, "all threads of flows to be held")
            made = make_chatflow(owner, "Made meanwhile")
            assert owner.put(f"/chatflows/{made['id']}", json={"name": "Renamed"}).status_code == 200
            another = make_key(owner, chatflowIds=[made["id"]])
            verified = owner.post(
                "/apikey/verify", json={"token": another["apiKey"], "chatflowId": made["id"]}
            )
            assert verified.json()["valid"] is True
            for path in ("/apikey", "/chatflows", "/apikey?page=1&limit=5", f"/chatflows/{made['id']}"):
                assert owner.get(path).status_code == 200
            again = running.api().post(
                f"{running.url}/sign-in",
                data={"email": someone.person.email, "password": PASSWORD},
                headers={"Origin": running.url},
            )
            assert again.status_code == 303
            for page in ("/keys", "/chatflows", f"/chatflows/{made['id']}", f"/chatflows/{made['id']}/try"):
                assert running.api(**someone.headers).get(f"{running.url}{page}").status_code == 200
            assert (
                running.api(another["apiKey"])
                .post(f"/prediction/{made['id']}", json={"question": "x"})
                .json()["text"]
                .endswith("x")
            )
            if not ON_POSTGRES:  # which is backed up with its own tools
                monkeypatch.setenv("FLOWKEYS_DATA_DIR", str(running.data_dir))
                backup = tmp_path / "backup.db"
                assert main(["backup", str(backup)]) == 0
                assert sqlite3.connect(backup).execute("SELECT count(*) FROM chatflow").fetchone() == (5,)
            assert len(blocking.begun) == 2 * _THREADS
        finally:
            blocking.GO.set()
        assert [answer.result(PATIENCE_SECONDS) for answer in asked] == ["let go x"] * len(asked)
