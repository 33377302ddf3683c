"""A decision in process: cached, with the HMAC on a miss in memory, and on a miss that asks the database."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.report import Table
from bench.target import Opened, opened
from bench.verification.keys import Filled, wrong
from flowkeys.cache.keys import KeyCache
from flowkeys.domain.keys.decision import Allowed

CACHED_US: Final = 3.0
MISS_US: Final = 8.0
_TOKENS: Final = 1_000
_ROUNDS: Final = 15


def measure(filled: Filled) -> Table:
    """Return the table: microseconds a decision, over as many tokens, in each of some rounds."""
    table = Table(
        "A decision in process",
        ("", "µs, median", "µs, best round", "target"),
        note=f"`Verifier.at_once`, {_TOKENS:,} tokens in turn, {_ROUNDS} rounds, the loop included.",
    )
    hits = [text.encode() for text in filled.hits.read_text("ascii").split()[:_TOKENS]]
    misses = [text.encode() for text in filled.misses.read_text("ascii").split()[:_TOKENS]]
    with opened(filled.folder) as target:
        keys, verifier = target.runtime.keys, target.runtime.verifier
        assert type(verifier.at_once(hits[0])) is Allowed

        def decide(texts: list[bytes]) -> float:
            at_once = verifier.at_once
            began = time.perf_counter_ns()
            for text in texts:
                at_once(text)
            return (time.perf_counter_ns() - began) / len(texts) / 1000

        cases: dict[str, tuple[list[bytes], Callable[[], object], float | None]] = {
            "cached": (hits, lambda: decide(hits), CACHED_US),
            "a miss in memory: read ahead, first presented": (
                hits,
                lambda: _read_ahead(keys, target),
                MISS_US,
            ),
            "a miss that asks the database": (hits, keys.forget, None),
            "unknown, every key in memory": (misses, lambda: _read_all(keys, target), None),
            "unknown, asks the database": (misses, keys.forget, None),
            "wrong checksum": ([wrong(text.decode()).encode() for text in misses], lambda: None, None),
        }
        for name, (texts, before, limit) in cases.items():
            took = []
            for _ in range(_ROUNDS):
                before()
                took.append(decide(texts))
            middle = statistics.median(took)
            verdict = "" if limit is None else table.verdict(f"< {limit:.0f} µs", met=middle < limit)
            table.add(name, f"{middle:.1f}", f"{min(took):.1f}", verdict)
    return table


def _read_ahead(keys: KeyCache, target: Opened) -> None:
    keys.forget()
    keys.begin_reading(time.time_ns() // 1000)
    for batch in target.runtime.lookups.ahead(target.runtime.hasher.newest_tag, 1000):
        for digest, record in batch:
            keys.warm(digest, record, 0)


def _read_all(keys: KeyCache, target: Opened) -> None:
    _read_ahead(keys, target)
    keys.end_reading(partial(target.runtime.lookups.of_key, target.runtime.hasher.newest_tag))
