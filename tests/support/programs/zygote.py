"""``python -m tests.support.programs.zygote FD``: imports what the server does, and forks one for each order.

It never runs anything itself and has one thread and no database, so that nothing is held while it forks.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
from typing import Final

from tests.support.programs import storing

LOADED: Final = (
    "argon2",
    "flowkeys.bootstrap.runtime",
    "flowkeys.bootstrap.serving",
    "flowkeys.cli.main",
    "flowkeys.cli.server.command",
    "flowkeys.cli.server.serve",
    "flowkeys.config.flows",
    "flowkeys.documents.parser",
    "flowkeys.flows.engine",
    "flowkeys.flows.nodes",
    "flowkeys.outbound.webhooks.worker",
    "flowkeys.web.app",
    "flowkeys.web.framework",
    "flowkeys.web.services",
    "uvicorn.lifespan.on",
)
MOST_BYTES: Final = 1 << 20
"""An order: arguments, the folder, and an environment."""
FILES: Final = 3


def orders(control: socket.socket) -> tuple[dict, list[int]] | None:
    """Take orders until whoever gives them is gone; in each process that is forked, return its order."""
    woken, waking = socket.socketpair()
    for end in (woken, waking):
        end.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, and this ends with them
    waiting = selectors.DefaultSelector()  # not `select`: the number of a file may be beyond 1024
    for end in (control, woken):
        waiting.register(end, selectors.EVENT_READ)
    while True:
        ready = [key.fileobj for key, _ in waiting.select()]
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                woken.recv(4096)
            _tell_who_ended(control)
        if control in ready:
            text, files, _, _ = socket.recv_fds(control, MOST_BYTES, FILES)
            if not text:
                return None
            process = os.fork()
            if process == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for end in (waiting, control, woken, waking):
                    end.close()
                return json.loads(text), files
            for file in files:
                os.close(file)
            control.send(json.dumps({"started": process}).encode())


def _tell_who_ended(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            said = {"ended": process, "status": os.waitstatus_to_exitcode(status)}
            with contextlib.suppress(OSError):
                control.send(json.dumps(said).encode())


def become(order: dict, files: list[int]) -> None:
    """Be the program that was ordered; it ends as the interpreter ends, with all that it waits for."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # Those that are there know what they were opened on: whether it can be sought, above all.
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # noqa: SIM115
        2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
    )
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["flowkeys", *order["arguments"]]
    if os.environ.pop(storing.ASKED, None):
        storing.on_signal()
    from flowkeys.cli.main import run

    run()


if __name__ == "__main__":
    for _name in LOADED:
        __import__(_name)
    if (_ordered := orders(socket.socket(fileno=int(sys.argv[1])))) is not None:
        become(*_ordered)
