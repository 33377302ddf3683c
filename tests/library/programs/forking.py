"""Programs that fork while threads of theirs verify, each run in a process of its own.

In such a process nobody else uses SQLite. Where another thread is in it while the process forks, such as that
of a server beside a test, a lock of SQLite's own may be held in the child for ever: no verifier can know.
"""

import faulthandler
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flowkeys.verify import Unavailable, Verifier, mint
from tests.library.conftest import code, eventually
from tests.library.test_local_files import set_status
from tests.support.databases import Shell
from tests.support.waiting import PATIENCE_SECONDS, until


def fork(work: Callable[[], bool]) -> int:
    """Do `work` in a child, and return its id; it ends with 0 when that returned true."""
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(PATIENCE_SECONDS / 2)  # where it hangs, if it does
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


def children_of_a_busy_process(data_dir: str, url: str, own: str, token: str) -> None:
    """Fork again and again while threads verify, over files and over HTTP."""
    for source in ("local", "remote"):
        verifier = Verifier.local(data_dir) if source == "local" else Verifier.remote(url, own)

        def work(verifier: Verifier = verifier) -> bool:
            return not verifier.verify(token=mint()) and bool(verifier.verify(token=token))

        with verifier, busy(work) as raised:
            assert {end(fork(work)) for _ in range(20 if source == "local" else 6)} == {0}
            assert raised == []
            assert work()


def threads_fork_at_once(data_dir: str, token: str) -> None:
    """Three threads fork, and verifiers come and go in four more."""
    verifier = Verifier.local(data_dir)
    ended: list[int | None] = []

    def work() -> bool:
        return bool(verifier.verify(token=token))

    def fork_some() -> None:
        ended.extend(end(fork(work)) for _ in range(5))

    def come_and_go() -> None:
        with Verifier.local(data_dir) as another:
            another.verify(token=token)

    with verifier, busy(come_and_go) as raised:
        threads = [threading.Thread(target=fork_some) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert work()
    assert (ended, raised) == ([0] * 15, [])


def a_signal_forks(data_dir: str, token: str) -> None:
    """A handler forks in the middle of a call."""
    children: list[int] = []
    with Verifier.local(data_dir) as verifier:
        source = verifier._source
        signal.signal(
            signal.SIGUSR1, lambda *_: children.append(fork(lambda: bool(verifier.verify(token=token))))
        )
        with source._lock:
            os.kill(os.getpid(), signal.SIGUSR1)
            eventually(lambda: len(children), 1)
        assert [end(child) for child in children] == [0]
        assert verifier.verify(token=token)


def a_child_outlives_its_parents_verifier(folder: str, token: str, key_id: str) -> None:
    """What is committed after its parent closed the files is seen, whoever removes files."""
    data_dir = Path(folder)
    set_status(data_dir, "active", key_id)
    verifier = Verifier.local(data_dir)
    heard, told = os.pipe()

    def said() -> str:
        try:
            return code(verifier.verify(token=token))
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
    set_status(data_dir, "disabled", key_id)
    os.read(heard, 1)
    with Shell(data_dir) as connection:
        for status in ("active", "disabled", "active"):
            connection.execute("UPDATE api_key SET status = ? WHERE id = ?", (status, key_id))
            os.read(heard, 1)
    assert end(child) == 0
    os.close(heard)
