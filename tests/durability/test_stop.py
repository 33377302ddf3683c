"""A clean stop: nothing that is known is lost, and nobody is cut off without a word."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flowkeys.usage.buffer import INTERVAL_SECONDS
from tests.durability.process import Serve, Served, wait_for
from tests.durability.python_flows import SETTINGS, caller
from tests.durability.workers import is_alive, wait_for_processes
from tests.support.flows import bound_key, make_chatflow
from tests.support.waiting import until

CLEAN = {0, -signal.SIGTERM}
"""uvicorn ends by the signal that asked it to stop, once it has cleaned up."""


def test_last_use_is_shown_soon(running: Served) -> None:
    """A key's last use is in its listing while the server runs, which writes it every few seconds."""
    owner = running.owner()
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    assert owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None
    asked = running.api(key["apiKey"]).post(f"/prediction/{chatflow['id']}", json={"question": "Hello"})
    assert asked.status_code == 200
    until(lambda: owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"], "a last use")
    assert INTERVAL_SECONDS < 5


def test_a_stop_writes_last_use_and_a_second_server_takes_over(serve: Serve) -> None:
    """A use that was not flushed yet is flushed by the stop.

    What one process wrote, the next one serves: keys, bindings and conversations.
    """
    served = serve()
    owner = served.owner()
    chatflow = make_chatflow(owner)
    tokens: list[str] = []
    for number in range(2):  # a flush that happens to come in between must not be what passes the test
        if number:
            served.start()
        key = bound_key(served.owner(), chatflow)
        for token in (*tokens, key["apiKey"]):
            question = {"question": "Hello", "sessionId": "s"}
            answer = served.api(token).post(f"/prediction/{chatflow['id']}", json=question)
            assert answer.json()["text"] == "You said: Hello"
        tokens.append(key["apiKey"])
        assert served.stop() in CLEAN
        ((last_used,),) = served.rows("SELECT last_used_at FROM api_key WHERE id = ?", key["id"])
        assert last_used is not None
    assert served.rows("SELECT count(*) FROM message WHERE session_id = 's'") == [(6,)]


def test_a_running_stream_is_ended_with_a_reason(serve: Serve, tmp_path: Path) -> None:
    """A stream that outlasts the grace gets an `error` event and `end`.

    Its run is cancelled, and nothing of it is stored.
    """
    served = serve(**SETTINGS, shutdown_seconds=0)
    owner = served.owner()
    mark = tmp_path / "drip"
    with caller(served, owner, "drip").stream(str(mark)) as answer:
        lines = answer.iter_lines()
        assert next(data for data in _events(lines) if data["event"] == "token")["data"] == "first "
        stopping = threading.Thread(target=served.stop)
        stopping.start()
        rest = list(_events(lines))
        stopping.join()
    assert [event["event"] for event in rest[-2:]] == ["error", "end"]
    assert (rest[-2]["code"], rest[-1]["data"]) == ("unavailable", "[DONE]")
    assert served.process is not None
    assert served.process.returncode in CLEAN
    wait_for(Path(f"{mark}.cancelled"))
    assert served.rows("SELECT count(*) FROM message") == [(0,)]


def test_a_running_answer_is_waited_for(serve: Serve, tmp_path: Path) -> None:
    """At SIGTERM a call without a stream may end within the grace; what it answers is stored."""
    served = serve(**SETTINGS, shutdown_seconds=300)
    owner = served.owner()
    mark = tmp_path / "block"
    asking = caller(served, owner, "block")
    answers = []
    asked = threading.Thread(target=lambda: answers.append(asking.ask(str(mark))))
    asked.start()
    wait_for(Path(f"{mark}.started"))
    stopping = threading.Thread(target=served.stop)
    stopping.start()
    until(lambda: not _listens(served), "the stop to begin")
    Path(f"{mark}.release").touch()
    asked.join()
    stopping.join()
    (answer,) = answers
    assert (answer.status_code, answer.json()["text"]) == (200, "released")
    assert served.rows("SELECT role FROM message ORDER BY seq") == [("userMessage",), ("apiMessage",)]


def test_runs_that_do_not_end_hold_up_nothing(serve: Serve, tmp_path: Path) -> None:
    """After the grace the server goes: one run waits, one blocks a thread that cannot be stopped."""
    served = serve(**SETTINGS, shutdown_seconds=1)
    owner = served.owner()
    marks = {name: tmp_path / name for name in ("wait", "block")}
    errors: list[Exception] = []
    asked = []
    for name, mark in marks.items():
        ask = partial(caller(served, owner, name).ask, str(mark))
        asked.append(threading.Thread(target=_swallow, args=(ask, errors)))
        asked[-1].start()
    try:
        for mark in marks.values():
            wait_for(Path(f"{mark}.started"))
        served.stop()
    finally:
        for mark in marks.values():
            Path(f"{mark}.release").touch()
        for each in asked:
            each.join()
    assert served.rows("SELECT count(*) FROM message") == [(0,)]


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGINT, 0, marks=pytest.mark.slow), (signal.SIGTERM, -signal.SIGTERM)],
)
def test_threads_that_never_end_keep_no_process(
    serve: Serve, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A flow holds a thread of its own, one of the loop's, and its task: it ends cleanly all the same."""
    served = serve(**SETTINGS, shutdown_seconds=0)
    with _held(served, tmp_path / "hold") as key_id:
        assert served.process is not None
        served.process.send_signal(number)
        assert served.process.wait() == code
        assert served.rows("SELECT id FROM api_key WHERE id = ? AND last_used_at IS NULL", key_id) == []
        assert served.rows("SELECT * FROM server") == []


@pytest.mark.slow
def test_threads_that_never_end_keep_no_process_of_several(serve: Serve, tmp_path: Path) -> None:
    """Although the one that started them was killed, so that nobody is left who would kill them."""
    served = serve(**SETTINGS, shutdown_seconds=0, workers=2)
    before = wait_for_processes(served, 2)
    with _held(served, tmp_path / "hold") as key_id:
        served.kill()
        until(lambda: not any(map(is_alive, before)), "both to end")
        assert served.rows("SELECT id FROM api_key WHERE id = ? AND last_used_at IS NULL", key_id) == []


@contextmanager
def _held(served: Served, mark: Path) -> Iterator[str]:
    """Have a run hold threads for ever; the key that it was asked with."""
    owner = served.owner()
    asking = caller(served, owner, "hold")
    ((key_id,),) = served.rows("SELECT key_id FROM binding")
    asked = threading.Thread(target=_swallow, args=(partial(asking.ask, str(mark)), []))
    asked.start()
    wait_for(Path(f"{mark}.started"))
    yield key_id
    asked.join()


def _listens(served: Served) -> bool:
    url = urlsplit(served.url)
    try:
        socket.create_connection((url.hostname, url.port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _events(lines: Iterator[str]) -> Iterator[dict]:
    for line in lines:
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _swallow(call, errors: list[Exception]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # the server goes away in the middle
        errors.append(error)
