"""What code in the parsing process may not do, whichever file made it try."""

import subprocess
import sys

import pytest

CONFINED = "from flowkeys.documents.worker import _confine\n_confine(2**29)\n"


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.remove('/nonexistent')",
        "open('/tmp/flowkeys-parser-wrote', 'w')",
        "open('/tmp/flowkeys-parser-wrote', 'ab')",
        "import os; os.open('/tmp/flowkeys-parser-wrote', os.O_CREAT | os.O_WRONLY)",
        "import ctypes; ctypes.CDLL(None)",
    ],
)
def test_it_is_refused(attempt: str) -> None:
    """No network, no process, no file: the attempt ends in an error."""
    run = subprocess.run(
        [sys.executable, "-I", "-B", "-c", CONFINED + attempt], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "PermissionError: Parsing" in run.stderr


def test_memory_is_refused() -> None:
    """More than its share is a MemoryError, not the machine's."""
    attempt = "bytearray(2**30)"
    run = subprocess.run(
        [sys.executable, "-I", "-B", "-c", CONFINED + attempt], capture_output=True, text=True, check=False
    )
    assert "MemoryError" in run.stderr
