"""Several processes on one port: replaced one after the other, started anew, and stopped."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowkeys.cli.server.port import listen_beside
from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from tests.conformance import raw
from tests.conformance.as_one.steady import Steady
from tests.durability.conftest import served as start_served
from tests.durability.process import Serve, Served, wait_for
from tests.durability.python_flows import SETTINGS, caller
from tests.durability.workers import Caller, is_alive, pids, wait_for_answers, wait_for_processes
from tests.support.flows import bound_key, events, make_chatflow
from tests.support.waiting import soon, until

CALLERS = 8


@pytest.mark.parametrize(
    "restarts", [pytest.param(1, id="1"), pytest.param(10, id="10", marks=pytest.mark.slow)]
)
def test_a_rolling_restart_loses_no_call_and_cuts_no_stream(
    serve: Serve, tmp_path: Path, restarts: int
) -> None:
    """At SIGHUP, under load on kept and on new connections: each call is answered, and a stream goes on."""
    served = serve(**SETTINGS, workers=2, keep_alive_seconds=1)
    owner = served.owner()
    chatflow = make_chatflow(owner)
    token = bound_key(owner, chatflow)["apiKey"]
    wait_for_processes(served, 2)
    for number in range(restarts):
        before = pids(served)
        mark = tmp_path / f"pour-{number}"
        with caller(served, served.owner(), "pour").stream(str(mark)) as answer:
            wait_for(Path(f"{mark}.started"))
            told = asyncio.run(_under_load(served, chatflow["id"], token, before))
            Path(f"{mark}.release").touch()
            seen = [event["event"] for event in events(answer.read().decode())]
        assert (seen[-2:], "error" in seen) == (["metadata", "end"], False)
        assert set(told) == {200}
        wait_for_processes(served, 2, before)
    assert served.stop() == 0
    assert "Traceback" not in served.said()


async def _under_load(served: Served, chatflow: str, token: str, before: set[int]) -> list[int]:
    """Replace all processes while calls go on without a pause; return the statuses of all calls."""
    statuses: list[int] = []
    over = asyncio.Event()

    async def call(*, kept: bool) -> None:
        one = Caller(served.url)
        while not over.is_set():
            statuses.append((await one.ask(chatflow, token)).status)
            if not kept:
                one.close()
        one.close()

    callers = [asyncio.create_task(call(kept=number % 4 != 0)) for number in range(CALLERS)]
    await soon(lambda: len(statuses) > CALLERS, "calls")
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    # One of the old ones stays, with the stream.
    await soon(lambda: len(pids(served) - before) == 2 and len(pids(served) & before) == 1, served.said)
    done = len(statuses)
    await soon(lambda: len(statuses) > done + 5 * CALLERS, "calls behind the restart")
    over.set()
    await asyncio.gather(*callers)
    return statuses


@pytest.mark.slow
def test_a_rolling_restart_under_a_steady_load_loses_no_call(serve: Serve, tmp_path: Path) -> None:
    """All of three processes are replaced under 500 calls a second, whether or not earlier ones are answered.

    Some calls come on new connections, some change keys; a stream is open all the time.
    """
    served = serve(**SETTINGS, workers=3, keep_alive_seconds=2, drain_seconds=3600)
    owner = served.owner()
    chatflow = make_chatflow(owner)
    token = bound_key(owner, chatflow)["apiKey"]
    wait_for_answers(served, 3)
    mark = tmp_path / "pour"
    with caller(served, served.owner(), "pour").stream(str(mark)) as answer:
        wait_for(Path(f"{mark}.started"))
        steady = Steady(served.url, chatflow["id"], token, str(owner.token))
        asyncio.run(_restarted_under(steady, served, times=3))
        Path(f"{mark}.release").touch()
        seen = [event["event"] for event in events(answer.read().decode())]
    assert (seen[-2:], "error" in seen) == (["metadata", "end"], False)
    print(f"{steady.said}: {dict(steady.statuses)}, failed: {dict(steady.failures)}")
    assert steady.failures == {}
    assert set(steady.statuses) == {"check 200", "list 200", "change 200"}
    assert served.stop() == 0
    assert "Traceback" not in served.said()


async def _restarted_under(steady: "Steady", served: Served, times: int) -> None:
    load = asyncio.create_task(steady.run())
    await soon(lambda: steady.statuses.total() > 500 or load.done(), "calls")
    for _ in range(times):
        before, done = pids(served), steady.statuses.total()
        assert served.process is not None
        served.process.send_signal(signal.SIGHUP)
        await soon(lambda before=before: len(pids(served) - before) == 3, served.said)
        await soon(lambda done=done: steady.statuses.total() > done + 1500 or load.done(), "calls")
    steady.is_over = True
    await load


@pytest.mark.slow
def test_a_process_that_takes_anothers_place_has_loaded_all(serve: Serve) -> None:
    """Once it is ready no call waits for the framework: as one that has run for long."""
    served = serve(workers=2)
    before = wait_for_processes(served, 2)
    assert served.process is not None
    served.process.send_signal(signal.SIGHUP)
    until(lambda: '"restarted"' in served.said(), served.said)
    now = pids(served) - before
    assert len(now) == 2
    assert all("pydantic_core" in Path(f"/proc/{pid}/maps").read_text("ascii") for pid in now)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, template: tuple[Path, str]) -> Iterator[Served]:
    """A server of two processes, for tests that leave it with two, and end it without a failure."""
    server = start_served(tmp_path_factory.mktemp("two"), template, workers=2)
    wait_for_answers(server, 2)
    yield server
    try:
        assert server.stop() == 0, "it was stopped, and that went well"
    finally:
        server.end()


def test_a_process_that_dies_is_started_anew(two: Served) -> None:
    """The other answers meanwhile, and the log says which one it was."""
    before = wait_for_processes(two, 2)
    gone = random.Random(1).choice(sorted(before))
    os.kill(gone, signal.SIGKILL)
    after = until(lambda: pids(two) - before, lambda: f"another: {two.said()}")
    until(lambda: "worker started" in two.said(), "the log to say so")
    assert f'"pid":{gone}' in two.said()
    assert len(after) == 1
    assert two.api().get("/health/ready").status_code == 200


def test_a_restart_that_cannot_start_changes_nothing(two: Served) -> None:
    """With a configuration that is wrong by then those that run go on, and the log says why."""
    before = wait_for_processes(two, 2)
    file = two.data_dir / "config.toml"
    file.write_text("keep_alive_seconds = 0\n", "utf-8")
    assert two.process is not None
    two.process.send_signal(signal.SIGHUP)
    until(lambda: "restart given up" in two.said(), two.said)
    file.unlink()
    assert "keep_alive_seconds" in two.said()
    assert pids(two) == before
    assert two.api().get("/ping").text == "pong"


def test_a_port_that_is_taken_is_not_shared(two: Served) -> None:
    """A second server on the port of several processes is refused, although the system would allow it."""
    settings = load(data_dir=two.data_dir, port=int(two.url.rpartition(":")[2]))
    with pytest.raises(ConfigurationError, match="Address already in use"):
        listen_beside(settings, 10, 2)


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(serve: Serve) -> None:
    """Although it was killed, and could tell nobody: the port is free, and what was counted is stored."""
    served = serve(workers=2)
    before = wait_for_processes(served, 2)
    owner = served.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    assert served.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "?"}).is_success
    served.kill()
    until(lambda: not any(map(is_alive, before)), "both to end")
    ((used,),) = served.rows("SELECT last_used_at FROM api_key WHERE id = ?", key["id"])
    assert used is not None


def test_limits_need_a_choice_where_several_count(serve: Serve) -> None:
    """With limits stored neither a server of several starts, nor a second one beside the first."""
    served = serve()
    body = {"keyName": "limited", "rateLimits": [{"limit": 5, "windowSeconds": 1}]}
    assert served.owner().post("/apikey", json=body).status_code == 201
    assert len(served.rows("SELECT id FROM server")) == 1
    assert served.api().get("/health").json() == {"status": "ok"}, "one process counts exactly"
    assert "FLOWKEYS_LIMITS=per-process" in _refused(served)
    served.kill()
    assert "Limits are stored. 2 processes" in _refused(served, workers=2)
    again = Served(served.data_dir.parent, "", workers=2, limits="per-process").start()
    try:
        until(lambda: len(again.rows("SELECT id FROM server")) == 2, "both rows, and none of who was killed")
        health = [_health(again) for _ in range(20)]
        assert health == [{"status": "ok", "limits": "per-process"}] * 20, "whichever process is asked"
        wait_for_answers(again, 2)  # who is still starting ends at once when it is told to stop
        assert again.stop() == 0
        assert again.rows("SELECT id FROM server") == []
    finally:
        again.end()


def _health(served: Served) -> Any:
    """Ask over a connection of its own, which either process may have."""
    return json.loads(raw.send(served.url, "GET", "/api/v1/health").body)


def _refused(served: Served, **settings: object) -> str:
    """Try to start another server on the same data; return what it said."""
    other = Served(served.data_dir.parent, "", **settings)
    other.log = served.data_dir.parent / "other.log"
    with pytest.raises(AssertionError):
        other.start()
    assert other.process is not None
    assert other.process.wait() == 3
    return other.said()
