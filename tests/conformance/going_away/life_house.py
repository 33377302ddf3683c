"""A server's services over a real file, put together as `flowkeys serve` does, with a clock that is set."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import structlog

from flowkeys import bootstrap
from flowkeys.bootstrap import runtime
from flowkeys.cache.warming import Warming
from flowkeys.config import load
from flowkeys.domain.keys.decision import AccessRequest, Allowed, Decision, Denied
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.principal import Caller, operator
from flowkeys.limits.memory import MemoryLimits
from flowkeys.verify import Verifier, local
from tests.conformance.going_away.life_model import VALID, Ask
from tests.support.template import begin

_IN_MEMORY = Path("/dev/shm")
"""Thousands of commits need not wait for a disk: tests/durability has those."""
BEGIN = 1_795_400_000 * 1_000_000
HEARD = 20_000
"""Microseconds after which a change that was made elsewhere holds here (docs/adr/0011)."""


class House:
    """A data directory with a server's services, and two programs beside it that verify by themselves."""

    def __init__(self, cached_keys: int) -> None:
        self.now = BEGIN
        self.folder = Path(mkdtemp(prefix="flowkeys-life-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None))
        self.data_dir = self.folder / "data"
        self.cached_keys = cached_keys
        begin(self.data_dir)
        self.loop = asyncio.new_event_loop()
        self._clocks = [patch.object(module, name, self.clock) for module, name in _CLOCKS]
        for each in self._clocks:
            each.start()
        self.open()
        self.caller = Caller(operator(self.do(self.runtime.workspaces.default()).id))
        self.beside = Verifier.local(self.data_dir)
        self.beside_uncounted = Verifier.local(self.data_dir, limits="ignore")
        self.shell = sqlite3.connect(self.data_dir / "flowkeys.db", isolation_level=None)

    def clock(self) -> int:
        """Return the time that the test says it is."""
        return self.now

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine of the services."""
        return self.loop.run_until_complete(work)

    def open(self) -> None:
        """Start, with nothing in memory."""
        settings = load(data_dir=self.data_dir, cached_keys=self.cached_keys)
        self.runtime = self.do(bootstrap.open_runtime(settings))
        limits = self.runtime.limits
        assert isinstance(limits, MemoryLimits)
        limits.clock = lambda: self.now * 1000

    def restart(self, secret: str | None = None) -> None:
        """Stop as a signal would, and start again; with another secret in front of those that there are."""
        self.do(self.runtime.close())
        if secret is not None:
            file = self.data_dir / "secret"
            lines = file.read_text().splitlines()
            file.write_text("\n".join([lines[0], secret, *lines[1:], ""]))
            os.utime(file, (1, file.stat().st_mtime + 1))  # the programs beside it read what is whole
        self.open()

    def warm(self) -> None:
        """Read all keys ahead, as behind every start."""
        of = self.runtime
        log = structlog.get_logger()
        warming = Warming(of.keys, of.lookups, of.hasher, self.clock, log, of.lookups.of_key)
        self.do(warming._fill(of.keys.generation))

    def by_hand(self, statement: str, *values: object) -> None:
        """Change the database as in a shell; it is heard of after a while."""
        self.shell.execute(statement, values)
        self.now += HEARD

    def journal(self) -> tuple[int, int]:
        """Return how many rows the audit log and the feed of changes have had."""
        found = self.shell.execute(
            "SELECT (SELECT coalesce(max(seq), 0) FROM audit), (SELECT coalesce(max(seq), 0) FROM change)"
        ).fetchone()
        return found[0], found[1]

    def said(self, text: str, ask: Ask) -> str:
        """Return what the server says of a token to who only asks."""
        client = KnownClient(ask.address)
        decision = self.runtime.verifier.at_once(text.encode(), _request(ask), client, counts=False)
        assert decision is not None
        return word(decision)

    def called(self, text: str, ask: Ask, *, waits: bool) -> Decision:
        """Return what becomes of a call, as both ways decide it."""
        client = KnownClient(ask.address, "test")
        if waits:
            found: Decision = self.do(
                self.runtime.verifier.verify(text.encode(), _request(ask), client, takes=True)
            )
            return found
        decision = self.runtime.verifier.at_once(text.encode(), _request(ask), client, takes=True)
        assert decision is not None
        return decision

    def said_beside(self, text: str, ask: Ask, *, counted: bool) -> str:
        """Return what a program on the same machine says of a token."""
        verifier = self.beside if counted else self.beside_uncounted
        found = verifier.verify(
            token=text,
            chatflow_id=ask.chatflow,
            permissions=() if ask.permission is None else ask.permission,
            address=ask.address,
        )
        return VALID if found.allowed else found.code

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        for each in (self.beside, self.beside_uncounted, self.shell):
            each.close()
        self.do(self.runtime.close())
        self.loop.close()
        for each in self._clocks:
            each.stop()
        shutil.rmtree(self.folder)


_CLOCKS = ((runtime, "clock"), (local, "now"))


def word(decision: Decision) -> str:
    """Return a decision in one word."""
    return decision.reason.value if isinstance(decision, Denied) else VALID


def waits(decision: Decision) -> int:
    """Return for how long a refused call has to wait."""
    taken = decision.taken
    return 0 if taken is None or isinstance(decision, Allowed) else taken.wait_seconds


def _request(ask: Ask) -> AccessRequest:
    return AccessRequest(ask.chatflow, () if ask.permission is None else (ask.permission,))
