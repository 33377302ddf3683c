"""Calls that run at the same time do not wait for each other."""

import threading
from pathlib import Path

from tests.durability.process import Served, wait_for
from tests.durability.python_flows import caller

SLOW = 4


def test_slow_runs_hold_up_nobody(running: Served, tmp_path: Path) -> None:
    """While four functions block their threads, quick ones, streams and management answer."""
    owner = running.owner()
    slow, quick = caller(running, owner, "block"), caller(running, owner, "quick")
    marks = [tmp_path / f"block-{number}" for number in range(SLOW)]
    answers: list[str] = []

    def ask(mark: Path) -> None:
        answers.append(slow.ask(str(mark)).json()["text"])

    threads = [threading.Thread(target=ask, args=(mark,)) for mark in marks]
    for thread in threads:
        thread.start()
    try:
        for mark in marks:
            wait_for(Path(f"{mark}.started"))
        for number in range(20):
            assert quick.ask(f"{number}").json()["text"] == f"quick {number}"
        with quick.stream("streamed") as answer:
            assert "quick streamed" in answer.read().decode()
        assert owner.get("/apikey").status_code == 200
        assert answers == []
    finally:
        for mark in marks:
            Path(f"{mark}.release").touch()
        for thread in threads:
            thread.join()
    assert answers == ["released"] * SLOW
