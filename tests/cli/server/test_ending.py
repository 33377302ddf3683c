"""How the program ends: by an error, and when threads of others do not."""

import asyncio
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys import bootstrap
from flowkeys.cli.server.server import Server
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey
from tests.support import template
from tests.support.waiting import PATIENCE_SECONDS

_PROGRAM = """
import sys, threading
from flowkeys.cli import exit_codes, main

def ends(arguments):
    threading.Thread(target=threading.Event().wait).start()
    print("said")
    {what}

exit_codes._LAST_SECONDS = 0.1
main.main = ends
main.run(["serve"])
"""


@pytest.mark.parametrize(
    ("what", "code"),
    [("return 7", 7), ("raise SystemExit(3)", 3), ("raise SystemExit", 0), ("raise ValueError('why')", 1)],
)
def test_a_thread_that_never_ends_changes_no_exit_code(what: str, code: int) -> None:
    """Given what was said is written, and an error is told, the process ends as it would without it."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(what=what)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (code, "said\n")
    assert ("ValueError: why" in ended.stderr) == ("why" in what)


def test_what_ends_a_server_by_an_error_loses_no_use(tmp_path: Path) -> None:
    """Given a key was used when the start fails (who started it is gone), the use is stored at the end."""
    settings = load(data_dir=tmp_path / "data")
    template.begin(settings.data_dir)

    async def used() -> None:
        runtime = await bootstrap.open_runtime(settings)
        caller = Caller(operator((await runtime.workspaces.create("own")).id))
        key = (await runtime.keyring.create(caller, NewKey(name="key"))).key

        def fail() -> None:
            runtime.usage.used(key.id, bootstrap.clock())
            raise BrokenPipeError

        server = Server(runtime)
        server.ready = fail
        with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(BrokenPipeError):
            await server.serve([listening])
        with closing(sqlite3.connect(settings.database_file)) as raw:
            assert raw.execute("SELECT count(last_used_at) FROM api_key").fetchall() == [(1,)]

    asyncio.run(used())
