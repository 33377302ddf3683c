"""Processes that fork while threads of theirs verify."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from flowkeys.verify import Unavailable, Verifier, mint
from flowkeys.verify.forks import Forks
from tests.library.conftest import code, eventually
from tests.library.test_local_files import set_status
from tests.support.flows import make_key
from tests.support.server import Running
from tests.support.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def fork(work: Callable[[], bool]) -> int:
    """Do `work` in a child, and return its id; it ends with 0 when that returned true."""
    child = os.fork()
    if child == 0:
        good = False
        try:
            good = work()
        finally:
            os._exit(0 if good else 1)
    return child


def end(child: int) -> int | None:
    """Return how a child ended; None when it hung, which ends it."""
    statuses: list[int] = []

    def ended() -> bool:
        found, status = os.waitpid(child, os.WNOHANG)
        statuses.extend([status] if found else [])
        return bool(found)

    try:
        until(ended, "the end of a child")
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    return os.waitstatus_to_exitcode(statuses[0])


@contextmanager
def busy(work: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Do `work` again and again in four threads; what they raise is in the list."""
    done, raised = threading.Event(), []

    def go() -> None:
        try:
            while not done.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - it is looked at by the test
            raised.append(error)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield raised
    finally:
        done.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("source", ["local", "remote"])
def test_children_of_a_busy_process_verify(running: Running, source: str) -> None:
    """No child hangs in what a thread of its parent held, and the parent's threads go on."""
    api = running.owner()
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api)
    if source == "local":
        verifier = Verifier.local(running.data_dir)
    else:
        verifier = Verifier.remote(running.url, own["apiKey"])

    def work() -> bool:
        return not verifier.verify(token=mint()) and bool(verifier.verify(token=made["apiKey"]))

    with verifier, busy(work) as raised:
        assert {end(fork(work)) for _ in range(20 if source == "local" else 6)} == {0}
        assert raised == []
        assert work()


def test_threads_may_fork_at_once(running: Running) -> None:
    """Each lets go what it held, and nothing else; verifiers come and go meanwhile."""
    made = running.key()
    verifier = Verifier.local(running.data_dir)
    ended: list[int | None] = []

    def work() -> bool:
        return bool(verifier.verify(token=made["apiKey"]))

    def fork_some() -> None:
        ended.extend(end(fork(work)) for _ in range(5))

    def come_and_go() -> None:
        with Verifier.local(running.data_dir) as another:
            another.verify(token=made["apiKey"])

    with verifier, busy(come_and_go) as raised:
        threads = [threading.Thread(target=fork_some) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert work()
    assert (ended, raised) == ([0] * 15, [])


def test_a_signal_may_fork(running: Running) -> None:
    """Its handler runs wherever the main thread is, in the middle of a call too."""
    made = running.key()
    children: list[int] = []
    with Verifier.local(running.data_dir) as verifier:
        source = verifier._source
        before = signal.signal(
            signal.SIGUSR1,
            lambda *_: children.append(fork(lambda: bool(verifier.verify(token=made["apiKey"])))),
        )
        try:
            with source._lock:
                os.kill(os.getpid(), signal.SIGUSR1)
                eventually(lambda: len(children), 1)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert [end(child) for child in children] == [0]
        assert verifier.verify(token=made["apiKey"])


def test_a_child_outlives_its_parents_verifier(tmp_path: Path) -> None:
    """It has locks and files of its own: what is committed after that is seen, whoever removes files."""
    server = Running(tmp_path / "data").start()
    made = server.key()
    server.stop()
    set_status(server.data_dir, "active", made["id"])
    verifier = Verifier.local(server.data_dir)
    heard, told = os.pipe()

    def said() -> str:
        try:
            return code(verifier.verify(token=made["apiKey"]))
        except Unavailable:
            return "unavailable"

    def work() -> bool:
        for wanted in ("valid", "disabled_key", "valid", "disabled_key", "valid"):
            eventually(said, wanted)
            os.write(told, b".")
        return True

    assert said() == "valid"
    child = fork(work)
    os.close(told)
    assert os.read(heard, 1) == b"."
    verifier.close()
    set_status(server.data_dir, "disabled", made["id"])
    os.read(heard, 1)
    with closing(sqlite3.connect(server.data_dir / "flowkeys.db", isolation_level=None)) as connection:
        for status in ("active", "disabled", "active"):
            connection.execute("UPDATE api_key SET status = ? WHERE id = ?", (status, made["id"]))
            os.read(heard, 1)
    assert end(child) == 0
    os.close(heard)


def test_a_child_asks_on_connections_of_its_own_whatever_its_environment(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets are often taken out of the environment once they were read."""
    api = running.owner()
    monkeypatch.setenv("FLOWKEYS_URL", running.url)
    monkeypatch.setenv("FLOWKEYS_API_KEY", make_key(api, "asks", permissions=["apikeys:view"])["apiKey"])
    token = make_key(api)["apiKey"]
    with Verifier.remote() as verifier:
        monkeypatch.delenv("FLOWKEYS_URL")
        monkeypatch.delenv("FLOWKEYS_API_KEY")
        source = verifier._source
        lines = source._server._lines
        assert code(verifier.verify(token=token)) == "valid"
        child = fork(
            lambda: source._server._lines is not lines and code(verifier.verify(token=token)) == "valid"
        )
        assert end(child) == 0


def test_one_that_cannot_begin_keeps_no_other_from_it() -> None:
    """A child with what is left of it works, and hears of the failure."""
    begun = []

    class One:
        def __init__(self, *, fails: bool) -> None:
            self.fails = fails

        def hold(self) -> None:
            """Nothing is to be held."""

        let_go = hold

        def begin(self) -> None:
            begun.append(self)
            if self.fails:
                raise ValueError("no")

    forks = Forks()
    several = [One(fails=number % 2 == 0) for number in range(4)]
    for one in several:
        forks.add(one)
    forks.hold()
    with pytest.raises(ValueError, match="no"):
        forks.begin_again()
    assert set(begun) == set(several)
    forks.hold()
    forks.let_go()


def test_the_locks_of_pools_are_taken_after_ours() -> None:
    """Before a fork handlers run in reverse: the pools' must be known first, whatever is imported first."""
    program = "import sys, flowkeys.verify.forks; sys.exit('concurrent.futures.thread' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
