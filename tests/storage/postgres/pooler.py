"""The real PgBouncer in transaction mode, each transaction on another connection than the one before."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.postgres import Postgres, name_of
from tests.support.programs.ports import free_port
from tests.support.waiting import until

PROGRAM = shutil.which("pgbouncer") or next(
    (str(path) for path in (Path("/usr/sbin/pgbouncer"),) if path.exists()), None
)

_FILE = """[databases]
* = host={folder} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
server_round_robin = 1
server_idle_timeout = 3600
client_login_timeout = 3
logfile = {own}/log
pidfile = {own}/pid
"""


class Pooler:
    """One, before a PostgreSQL of tests."""

    def __init__(self, postgres: Postgres) -> None:
        assert PROGRAM is not None
        self._folder = Path(tempfile.mkdtemp(prefix="pgb-"))
        self.port = free_port()
        file = self._folder / "ini"
        file.write_text(_FILE.format(folder=postgres.folder, port=self.port, own=self._folder))
        command = [PROGRAM, "-q", str(file)]
        if os.geteuid() == 0:  # it refuses to be root
            owner = pwd.getpwuid(postgres.folder.stat().st_uid).pw_name  # who may use the socket in it
            self._folder.chmod(0o777)
            command[1:1] = ["-u", owner]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        # It ends when these tests do, also when they are killed: then nothing holds the other end any more.
        end = f"read _; kill -9 {self.process.pid}"
        self._end = subprocess.Popen(["sh", "-c", end], stdin=subprocess.PIPE, start_new_session=True)
        try:
            until(self._answers, lambda: f"PgBouncer to answer: {self.said()}")
        except BaseException:
            self.stop()
            raise

    def url(self, direct: str) -> str:
        """Return the URL of the same database by way of it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name_of(direct)}"

    def said(self) -> str:
        """Return its log."""
        log = self._folder / "log"
        return log.read_text() if log.exists() else ""

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self._end.communicate()
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        import psycopg

        assert self.process.poll() is None, self.said()
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres").close()
        except psycopg.Error:
            return False
        return True
