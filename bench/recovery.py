"""How soon all goes on when PostgreSQL, the feed of changes alone, or Valkey is back.

It is taken away until calls or metrics say so, left away for a moment more, and brought back; from then on
it is asked every few milliseconds whether all is well. The feed alone comes back by itself: that is measured
from the moment in which its connection ends, or says nothing any more. The server is the same throughout:
nothing starts it anew.
"""

import os
import re
import signal
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import httpx

from bench import process
from bench.postgres import server
from bench.report import Table
from bench.throughput import prepare
from tests.support.programs.ports import free_port
from tests.support.valkey import ValkeyServer

TARGET_SECONDS: Final = 5.0
_AWAY_SECONDS: Final = 3.0
"""How long something stays away when calls have said so: who is away is tried again less and less often."""
_PAUSE_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 60.0

_FEED: Final = "FROM pg_stat_activity WHERE application_name = 'flowkeys feed'"

Asked = Callable[[], bool]
Case = tuple[str, Callable[[], object], Callable[[], object], Asked, Asked]
"""Its name, what takes something away and brings it back, whether that is noticed, whether all is well."""


def measure(folder: Path, rounds: int) -> list[Table]:
    """Return the table, of so many returns of each."""
    with ExitStack() as stack:
        url = stack.enter_context(server(folder / "postgres"))[1]
        data = folder / "data"
        _, key, owner = prepare(data, database=url)
        valkey, metrics = ValkeyServer().start(), free_port()
        stack.callback(valkey.stop)
        settings = {
            "database": url,
            "valkey": valkey.url,
            "metrics_port": str(metrics),
            "access_log": "false",
        }
        log = folder / "server.log"
        ours = stack.enter_context(process.flowkeys(data, log, core=process.ANY_CORE, **settings))
        http = stack.enter_context(httpx.Client(timeout=30, trust_env=False))
        asked = _Asked(http, ours.url, key, metrics)
        limited = asked.limited(owner)
        database = _Database(url)
        stack.callback(database.wake)
        cases: list[Case] = [
            ("database, connections cut and refused", database.cut, database.mend, asked.is_away,
             lambda: asked.is_well() and asked.writes(owner)),
            ("database, stopped (SIGSTOP)", database.stop, database.go_on, asked.is_away,
             lambda: asked.is_well() and asked.writes(owner)),
            ("feed, its connection ended", database.remember, database.end_feed, asked.is_well,
             lambda: database.has_another_feed() and asked.hears()),
            ("feed, its connection says nothing", database.remember, database.silence_feed, asked.is_well,
             lambda: database.has_another_feed() and asked.hears()),
            ("Valkey, stopped (SIGSTOP)", valkey.pause, valkey.go_on, limited.is_counted_apart,
             limited.is_counted_together),
            ("Valkey, killed and started", valkey.kill, valkey.start, limited.is_counted_apart,
             limited.is_counted_together),
        ]  # fmt: skip
        table = Table(
            "From the return of what was away to the first moment in which all is well",
            ("", "returns", "p50, ms", "max, ms", "target"),
            note=f"Away for {_AWAY_SECONDS:.0f} s after the first call that said so; well: forward-auth "
            "is 200 and a key is made. Who asks and what is asked share the processor. Load before and at "
            "the end: {load}.",
        )
        before = os.getloadavg()[0]
        for case in cases:
            times = [_once(case) for _ in range(rounds)]
            met = table.verdict(f"≤ {TARGET_SECONDS:.0f} s", met=max(times) <= TARGET_SECONDS)
            shown = f"{statistics.median(times) * 1000:,.0f}", f"{max(times) * 1000:,.0f}"
            table.add(case[0], str(rounds), *shown, met)
    table.note = table.note.format(load=f"{before:.1f}, {os.getloadavg()[0]:.1f}")
    return [table]


def _once(case: Case) -> float:
    """Return how long it took, in seconds."""
    name, away, back, is_noticed, is_well = case
    _wait(name, is_well)
    away()
    _wait(name, is_noticed)
    time.sleep(_AWAY_SECONDS)
    back()
    began = time.monotonic()
    _wait(name, is_well)
    return time.monotonic() - began


def _wait(name: str, condition: Asked) -> None:
    end = time.monotonic() + _LONGEST_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{name}: waited {_LONGEST_SECONDS:.0f} seconds in vain")
        time.sleep(_PAUSE_SECONDS)


class _Asked:
    """What a server answers."""

    def __init__(self, http: httpx.Client, url: str, key: str, metrics: int) -> None:
        self._http = http
        self._url = url
        self._metrics = metrics
        self._api = f"{url}/api/v1"
        self._headers = {"Authorization": f"Bearer {key}"}

    def limited(self, owner: str) -> "_Asked":
        """Return who asks with a key that has a limit."""
        answer = self._http.post(
            f"{self._api}/apikey",
            json={"keyName": "limited", "rateLimits": [{"limit": 10_000_000, "windowSeconds": 60}]},
            headers={"Authorization": f"Bearer {owner}"},
        )
        return _Asked(self._http, self._url, answer.json()["apiKey"], self._metrics)

    def hears(self) -> bool:
        return self._metric("change_feed_up") == 1 and self.is_well()

    def is_counted_apart(self) -> bool:
        return self.is_well() and self._metric("limits_shared_up") == 0

    def is_counted_together(self) -> bool:
        return self.is_well() and self._metric("limits_shared_up") == 1

    def is_well(self) -> bool:
        return self._status() == 200

    def is_away(self) -> bool:
        return self._status() == 503

    def writes(self, owner: str) -> bool:
        headers = {"Authorization": f"Bearer {owner}"}
        answer = self._http.post(f"{self._api}/apikey", json={"keyName": "recovered"}, headers=headers)
        return bool(answer.status_code == 201)

    def _metric(self, name: str) -> float:
        text = self._http.get(f"http://127.0.0.1:{self._metrics}/metrics").text
        found = re.search(rf"^flowkeys_{name} (\S+)$", text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"there is no metric flowkeys_{name}")
        return float(found[1])

    def _status(self) -> int:
        return self._http.get(f"{self._api}/auth/verify", headers=self._headers).status_code


class _Database:
    """A PostgreSQL that is taken away and brought back."""

    def __init__(self, url: str) -> None:
        import psycopg

        self._name = url.partition("?")[0].rpartition("/")[2]
        self._raw = psycopg.connect(url.replace(f"/{self._name}?", "/postgres?"), autocommit=True)
        self._stopped: list[int] = []
        self._silent: list[int] = []
        self._feed: set[int] = set()

    def end_feed(self) -> None:
        """End the connection over which changes are heard of, and no other."""
        self._raw.execute(f"SELECT pg_terminate_backend(pid) {_FEED}")

    def silence_feed(self) -> None:
        """Have what is at its other end say nothing any more; it goes on when all is over."""
        for pid in self._feed:
            os.kill(pid, signal.SIGSTOP)
            self._silent.append(pid)

    def remember(self) -> None:
        """Know which connection is the feed's."""
        self._feed = self._feeds() - set(self._silent)

    def has_another_feed(self) -> bool:
        """Whether there is one that was not there when it was last looked; so it is before the first look."""
        return bool(self._feeds() - self._feed - set(self._silent))

    def _feeds(self) -> set[int]:
        return {pid for (pid,) in self._raw.execute(f"SELECT pid {_FEED}").fetchall()}

    def wake(self) -> None:
        """Let what was silenced end."""
        for pid in self._silent:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def cut(self) -> None:
        self._raw.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS false")
        self._raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._name]
        )

    def mend(self) -> None:
        self._raw.execute(f"ALTER DATABASE {self._name} ALLOW_CONNECTIONS true")

    def stop(self) -> None:
        parent = Path(f"/proc/{self._raw.info.backend_pid}/stat").read_text().rpartition(") ")[2].split()[1]
        self._stopped = list(process.family(int(parent)))
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._stopped:
            with suppress(ProcessLookupError):  # one ends when who asked it has gone
                os.kill(pid, number)
