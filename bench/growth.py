"""Work that grows with what others write: texts four times as long, and ten megabytes of a flow.

The tests count the steps of the same work; what goes on inside one call of C has none, and shows here only.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from bench.report import Table
from flowkeys.flows.graph.variables import compile_template
from tests.flows.graph.hostile import BEFORE, HOSTILE, UNITS, repeated
from tests.flows.support import chatflow, engine

SHORT: Final = 10_000
TIMES: Final = 4
MOST_TIMES: Final = 9
"""Work that grows with the square would take sixteen times as long; what takes a moment is mostly noise."""
MOMENT_SECONDS: Final = 0.05
CHECK_SECONDS: Final = 2.0
_BEST_OF: Final = 2


def measure() -> list[Table]:
    """Return the tables."""
    return [_texts(), _flows()]


def _texts() -> Table:
    table = Table(
        f"Texts {TIMES} times as long",
        (
            "begins with",
            "texts",
            "the one that grows most",
            "ms",
            f"ms, {TIMES} times as long",
            "times",
            "target",
        ),
        note=f"{SHORT:,} and {SHORT * TIMES:,} characters that begin something again and again, as the "
        f"template of a node; the best of {_BEST_OF}. A moment of {MOMENT_SECONDS * 1000:.0f} ms more "
        "is no growth.",
    )
    compile_template("<p>load the parser</p>")
    for before in BEFORE:
        found = []
        for unit in UNITS:
            once, long = (
                _seconds(compile_template, repeated(before, unit, SHORT * times)) for times in (1, TIMES)
            )
            found.append((max(0.0, long - MOMENT_SECONDS) / once, unit, once, long))
        most, unit, once, long = max(found)
        verdict = table.verdict(f"≤ {MOST_TIMES} times", met=most <= MOST_TIMES)
        shown = (f"{once * 1000:.1f}", f"{long * 1000:.1f}", f"{long / once:.1f}")
        table.add(_code(before), str(len(UNITS)), _code(unit), *shown, verdict)
    return table


def _flows() -> Table:
    table = Table(
        "A flow of ten megabytes, checked",
        ("", "MB", "seconds", "target"),
        note="What somebody could import to hold the server up: it is refused or limited, in a second or so.",
    )
    for name, make in HOSTILE.items():
        data = make()
        flow, made = chatflow(data), engine()
        took = _seconds(made.check, flow, times=1)
        verdict = table.verdict(f"< {CHECK_SECONDS:.0f} s", met=took < CHECK_SECONDS)
        table.add(name, f"{len(data) / 1e6:.1f}", f"{took:.2f}", verdict)
    return table


def _seconds(work: Callable[..., Any], *given: Any, times: int = _BEST_OF) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.process_time()
        work(*given)
        best = min(best, time.process_time() - began)
    return best


def _code(text: str) -> str:
    return f"`{text!r}`".replace("|", "\\|") if text else "nothing"
