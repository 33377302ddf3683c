"""Sockets that systemd hands over, and what it is told."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flowkeys.cli.server.notify import Notify

_HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=False)
os.environ.update(LISTEN_PID=str(os.getpid() + int(sys.argv[2])), LISTEN_FDS="1", LISTEN_FDNAMES="x")
from flowkeys.cli.server import activation
from flowkeys.domain.errors import ConfigurationError
try:
    found = activation.sockets()
except ConfigurationError as error:
    print(error)
else:
    print([one.getsockname() for one in found], [name for name in os.environ if name.startswith("LISTEN_")])
"""


@pytest.mark.parametrize(
    ("kind", "listens", "off", "said"),
    [
        (socket.SOCK_STREAM, True, 0, "[('127.0.0.1', {port})] []\n"),
        (socket.SOCK_STREAM, True, 1, "[] []\n"),
        (socket.SOCK_STREAM, False, 0, "Socket 3, which LISTEN_FDS names, is none that is listened on. "),
        (socket.SOCK_DGRAM, False, 0, "Socket 3, which LISTEN_FDS names, is none that is listened on. "),
    ],
    ids=["handed over", "to another process", "not listened on", "no stream"],
)
def test_sockets_of_systemd_are_taken(kind: int, listens: bool, off: int, said: str) -> None:
    """Those that are meant for this process, and that can be listened on; nobody inherits the variables."""
    with socket.socket(socket.AF_INET, kind) as given:
        given.bind(("127.0.0.1", 0))
        if listens:
            given.listen()
        ran = subprocess.run(
            [sys.executable, "-c", _HANDED, str(given.fileno()), str(off)],
            pass_fds=[given.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.startswith(said.format(port=given.getsockname()[1])), ran.stderr


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a start, a restart and a stop, in the lines of sd_notify(3); who is not asked says nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify = Notify()
        assert "NOTIFY_SOCKET" not in os.environ
        notify.ready("2 processes")
        assert told.recv(1000) == b"READY=1\nSTATUS=2 processes"
        notify.reloading()
        assert told.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        notify.stopping()
        assert told.recv(1000).startswith(b"STOPPING=1\n")
    notify.ready("nobody listens any more")
    Notify().ready("nobody asked")
