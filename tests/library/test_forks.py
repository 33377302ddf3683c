"""Processes that fork while threads of theirs verify."""

import subprocess
import sys
from pathlib import Path

import pytest

from flowkeys.verify import Verifier
from flowkeys.verify.forks import Forks
from tests.architecture.tree import ROOT
from tests.library.conftest import code
from tests.library.programs.forking import end, fork
from tests.support.flows import make_key
from tests.support.server import Running

_OF_FILES = pytest.mark.of_sqlite(
    "`Verifier.local` reads the file; on PostgreSQL applications ask the server"
)
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def program(name: str, *arguments: object) -> None:
    """Run one of `forking`."""
    code = f"import sys; from tests.library.programs import forking; forking.{name}(*sys.argv[1:])"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@_OF_FILES
def test_children_of_a_busy_process_verify(running: Running) -> None:
    """No child hangs in what a thread of its parent held, and the parent's threads go on."""
    api = running.owner()
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api)
    program("children_of_a_busy_process", running.data_dir, running.url, own["apiKey"], made["apiKey"])


@_OF_FILES
def test_threads_may_fork_at_once(running: Running) -> None:
    """Each lets go what it held, and nothing else; verifiers come and go meanwhile."""
    program("threads_fork_at_once", running.data_dir, running.key()["apiKey"])


@_OF_FILES
def test_a_signal_may_fork(running: Running) -> None:
    """Its handler runs wherever the main thread is, in the middle of a call too."""
    program("a_signal_forks", running.data_dir, running.key()["apiKey"])


@_OF_FILES
def test_a_child_outlives_its_parents_verifier(tmp_path: Path) -> None:
    """It has locks and files of its own: what is committed after that is seen, whoever removes files."""
    server = Running(tmp_path / "data").start()
    made = server.key()
    server.stop()
    program("a_child_outlives_its_parents_verifier", server.data_dir, made["apiKey"], made["id"])


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
