"""The second process: changes keys of the same database, through the services or in SQL by hand.

It reads one change a line, ``way action key chatflow``, and writes when it was committed (monotonic, ns) and
what it made, if anything. `Other` is its end in the soak.
"""

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from bench.process import CLIENT_CORE, environment, pinned
from bench.target import Opened, opened
from flowkeys.service.keys.input import KeyPatch, NewKey

NOTHING: Final = "-"

_SQL: Final = {
    "disable": "UPDATE api_key SET status = 'disabled' WHERE id = :key",
    "enable": "UPDATE api_key SET status = 'active' WHERE id = :key",
    "revoke": "UPDATE api_key SET status = 'revoked', revoked_at = :now WHERE id = :key",
    "bind": "INSERT INTO binding (workspace_id, key_id, chatflow_id, created_at, key_seq)"
    " SELECT workspace_id, id, :flow, :now, seq FROM api_key WHERE id = :key",
    "unbind": "DELETE FROM binding WHERE key_id = :key AND chatflow_id = :flow",
}


class Other:
    """Tells the second process what to change."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, data: Path) -> "Other":
        """Start it, and wait until it has opened the database."""
        command = [*pinned(CLIENT_CORE), sys.executable, "-m", "bench.soak.other", str(data)]
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment({}),
        )
        other = cls(child)
        await other._line()
        return other

    async def change(self, way: str, action: str, key: str, flow: str = NOTHING) -> tuple[int, list[str]]:
        """Return when a change was committed, and what it made."""
        async with self._turn:
            assert self._child.stdin is not None
            self._child.stdin.write(f"{way} {action} {key} {flow}\n".encode())
            at, *made = (await self._line()).split()
        return int(at), made

    async def stop(self) -> None:
        """End it."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()

    async def _line(self) -> str:
        assert self._child.stdout is not None
        line = await self._child.stdout.readline()
        if not line:
            raise RuntimeError("the second process ended")
        return line.decode()


def main(data: Path) -> None:
    """Change what is asked for until the input ends."""
    with opened(data) as target, closing(sqlite3.connect(data / "flowkeys.db", isolation_level=None)) as raw:
        print("ready", flush=True)
        for line in sys.stdin:
            way, action, key, flow = line.split()
            made = (
                _by_hand(raw, action, key, flow) if way == "sql" else _by_service(target, action, key, flow)
            )
            print(time.monotonic_ns(), *made, flush=True)


def _by_hand(raw: sqlite3.Connection, action: str, key: str, flow: str) -> list[str]:
    now = time.time_ns() // 1000
    if raw.execute(_SQL[action], {"key": key, "flow": flow, "now": now}).rowcount != 1:
        raise RuntimeError(f"{action} {key} {flow} changed nothing")
    return []


def _by_service(target: Opened, action: str, key: str, flow: str) -> list[str]:
    keyring, caller, run = target.runtime.keyring, target.caller, target.run
    if action == "create":
        made = run(keyring.create(caller, NewKey(name=f"soak {key}", chatflow_ids=(flow,))))
        return [made.key.id, made.token.reveal()]
    simple: dict[str, Callable] = {
        "disable": keyring.disable,
        "enable": keyring.enable,
        "revoke": keyring.revoke,
    }
    if action in simple:
        run(simple[action](caller, key))
        return []
    bound = {item.id for item in run(keyring.get(caller, key)).chatflows}
    wanted = bound | {flow} if action == "bind" else bound - {flow}
    run(keyring.update(caller, key, KeyPatch(chatflow_ids=tuple(wanted))))
    return []


if __name__ == "__main__":
    main(Path(sys.argv[1]))
