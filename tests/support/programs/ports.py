"""Ports for programs that have to be told theirs, and ports at which nobody listens.

The system gives whoever asks for any port, to listen or to call, one from 32768 on (Linux) or 49152 (macOS):
what was free a moment ago may be taken when it is needed. These are below, and each process of tests begins
elsewhere.
"""

import itertools
import os
import socket
from typing import Final

_FIRST: Final = 20_000
_COUNT: Final = 12_000
_numbers = itertools.count(os.getpid() * 37 % _COUNT)


def free_port() -> int:
    """Return a port of 127.0.0.1 at which nobody listens; another one each time."""
    while True:
        port = _FIRST + next(_numbers) % _COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
