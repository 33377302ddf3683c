"""The socket's file: who may connect to it, what it takes the place of, and when it goes."""

import contextlib
import fcntl
import os
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event

import pytest

from flowkeys.cli.server import unix_socket
from flowkeys.cli.server.unix_socket import UnixSocket, state
from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from tests.cli.conftest import Cli
from tests.support.waiting import PATIENCE_SECONDS

SOME: int = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the socket shall be."""
    return tmp_path / "s"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """New files are everybody's."""
    before = os.umask(0)
    yield
    os.umask(before)


def leave(path: Path) -> None:
    """Make what a server that was killed leaves."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))


def test_only_user_and_group_may_connect_from_the_first_moment(
    path: Path, open_umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given files that would be everybody's, the mode is there before anything is listened on."""
    modes = []

    class Watched(socket.socket):
        def listen(self, *arguments: int) -> None:
            modes.append(stat.S_IMODE(path.stat().st_mode))
            super().listen(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", Watched)
        patch.delattr(os, "chmod")
        with closing(UnixSocket(path, 1)):
            assert (modes, state(path)) == ([0o660], "listening")
    made = path.with_name("file")
    made.touch()
    assert stat.S_IMODE(made.stat().st_mode) == 0o666, "other files are made as before"


def test_what_a_killed_server_left_is_taken_over(path: Path) -> None:
    """Given a socket that nobody listens on, a server has it; when it stops, the file goes."""
    leave(path)
    assert state(path) == "left"
    with closing(UnixSocket(path, 1)):
        assert state(path) == "listening"
    assert state(path) == "free"
    assert list(path.parent.iterdir()) == [], "no file of a lock stays"


def test_a_server_that_runs_keeps_its_socket(path: Path) -> None:
    """Given a server, busy or not, a second one is refused, and the first is still reached."""
    with closing(UnixSocket(path, 0)), contextlib.ExitStack() as waiting:
        for _ in range(SOME):  # until its queue is full
            client = waiting.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect_ex(str(path))
        before = path.stat().st_ino
        with pytest.raises(ConfigurationError, match="A server listens on it already"):
            UnixSocket(path, 1)
        assert path.stat().st_ino == before


def test_of_servers_that_start_at_once_one_has_the_socket(path: Path) -> None:
    """Given a file to take over, the one that got it is reached, and all others are told."""
    for _ in range(SOME):
        leave(path)
        together = Barrier(SOME)

        def begin(together: Barrier = together) -> UnixSocket | None:
            together.wait()
            with contextlib.suppress(ConfigurationError):
                return UnixSocket(path, 3 * SOME)  # those who look for a server are in its queue
            return None

        with ThreadPoolExecutor(SOME) as pool:
            made = [server for server in [pool.submit(begin) for _ in range(SOME)] if server.result()]
        (got,) = made
        winner = got.result()
        assert winner is not None
        with closing(winner), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(str(path))
            winner.listening.settimeout(0)
            winner.listening.accept()[0].close()


def test_a_start_does_not_remove_what_another_has_just_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two that look at a file to take over, the second looks when the first has its own there."""
    leave(path)
    looked_or_waits, has_it = Event(), Event()
    looks: dict[int, int] = {}
    look, lock = unix_socket.state, fcntl.flock
    first = threading.get_ident()

    def state_(of: Path) -> unix_socket.State:
        me = threading.get_ident()
        looks[me] = looks.get(me, 0) + 1
        found = look(of)
        if looks[me] == 2:  # the first time is before the lock
            if me == first:
                second.append(pool.submit(begin))
                assert looked_or_waits.wait(PATIENCE_SECONDS)
            else:
                looked_or_waits.set()
                assert has_it.wait(PATIENCE_SECONDS)
        return found

    def flock(file: int, how: int) -> None:
        try:
            lock(file, how)
        except BlockingIOError:
            looked_or_waits.set()
            raise

    def begin() -> str:
        try:
            with closing(UnixSocket(path, 1)):
                return "has it too"
        except ConfigurationError as error:
            return str(error)

    monkeypatch.setattr(unix_socket, "state", state_)
    monkeypatch.setattr(fcntl, "flock", flock)
    second: list[Future[str]] = []
    with ThreadPoolExecutor(1) as pool, closing(UnixSocket(path, 1)):
        has_it.set()
        assert "A server listens on it already" in second[0].result()
        assert look(path) == "listening"


def test_a_socket_that_is_another_servers_by_now_stays(path: Path) -> None:
    """Given a file that somebody removed and a new server made again, the old server's end leaves it."""
    old = UnixSocket(path, 1)
    path.unlink()
    with closing(UnixSocket(path, 1)):
        old.close()
        assert state(path) == "listening"


def test_what_stands_in_the_way_is_one_sentence(run: Cli, tmp_path: Path) -> None:
    """Given a path that cannot be listened on, the exit code is 3, and what is there stays."""
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "folder").mkdir()
    leave(tmp_path / "left")
    (tmp_path / "link").symlink_to(tmp_path / "left")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    before = {item.name: item.lstat().st_ino for item in tmp_path.iterdir()}
    long = tmp_path / ("s" * 108)
    table = {
        str(tmp_path / "file"): "is no socket",
        str(tmp_path / "folder"): "is no socket",
        str(tmp_path / "link"): "is no socket",
        str(tmp_path / "dangling"): "is no socket",
        str(tmp_path / "nowhere" / "s"): f"{tmp_path / 'nowhere'} is not there",
        str(tmp_path / "file" / "s"): f"{tmp_path / 'file'} is no folder",
        str(long): f"has {len(str(long))} bytes, and a socket's may have 107",
        str(tmp_path / ("s" * 300)): "name too long",
        f"unix:{tmp_path}/s": "give the path alone",
        f"unix://{tmp_path}/s": "give the path alone",
        "@flowkeys": "give a path",
        "$RUNTIME_DIRECTORY/s": "name of a variable",
    }
    for given, said in table.items():
        result = run("serve", "--uds", given, FLOWKEYS_DATA_DIR=str(tmp_path / "data"))
        assert result.code == 3, (given, result)
        assert said in result.err, (given, result.err)
        assert len(result.err.splitlines()) == 1, result.err
        seen = run("doctor", FLOWKEYS_UDS=given, FLOWKEYS_DATA_DIR=str(tmp_path / "data"))
        assert (seen.code, said in seen.out) == (3, True), (given, seen)
    assert {item.name: item.lstat().st_ino for item in tmp_path.iterdir()} == before
    assert (tmp_path / "file").read_text("utf-8") == "mine"


def test_the_doctor_sees_that_no_proxy_may_enter_the_folder(run: Cli, path: Path) -> None:
    """Given a folder for its user alone, as the data directory is, a socket in it is of no use to a proxy."""
    for mode, told_of in ((0o700, ["warn"]), (0o750, [])):
        folder = path.parent / f"{mode:o}"
        folder.mkdir(mode=mode)
        told = run("doctor", "--json", FLOWKEYS_UDS=str(folder / "s"), FLOWKEYS_DATA_DIR=str(path)).json
        found = [
            item["verdict"] for item in told["findings"] if f"one user may enter {folder}," in item["message"]
        ]
        assert found == told_of


def test_a_folder_that_may_not_be_written_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a folder of somebody else, the sentence names it."""
    may = os.access  # root may everything

    def access(of: Path, mode: int, **options: bool) -> bool:
        return may(of, mode, **options) and not (of == path.parent and mode == os.W_OK)

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(ConfigurationError, match=f"{path.parent}.*written"):
        UnixSocket(path, 1)


def test_a_port_beside_the_socket_has_to_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the socket alone there is no port; host or port, wherever it is set, opens one too."""
    monkeypatch.chdir(tmp_path)
    alone = load(data_dir=tmp_path, uds="s")
    assert (alone.uds, alone.has_port) == (tmp_path / "s", False), "relative to the current folder"
    assert load(data_dir=tmp_path, uds="s", port=3000).has_port
    assert load(data_dir=tmp_path, uds="s", host="127.0.0.1").has_port
    assert load(data_dir=tmp_path).has_port
    monkeypatch.setenv("FLOWKEYS_UDS", "/run/s")
    assert not load(data_dir=tmp_path).has_port
    monkeypatch.setenv("FLOWKEYS_PORT", "")
    assert not load(data_dir=tmp_path).has_port, "empty is not set"
    monkeypatch.setenv("FLOWKEYS_PORT", "tcp://10.0.0.1:3000")
    assert not load(data_dir=tmp_path).has_port, "Kubernetes' own is none"
    monkeypatch.setenv("FLOWKEYS_PORT", "8080")
    assert load(data_dir=tmp_path).has_port
