"""Streams that stay open: how late their pieces are, and how much memory each takes."""

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench.models import answers, stub
from bench.models.contenders import FLOWKEYS, Contender, flowkeys
from bench.process import Process
from bench.report import Table

OPEN: Final = 100
PROBES: Final = 300
PAUSE_SECONDS: Final = 0.02
FIRST_P50_MS: Final = 1.0
FIRST_P99_MS: Final = 5.0

MANY: Final = 1_000
OVER_SECONDS: Final = 4.0
MANY_KB: Final = 40
LATE_P99_MS: Final = 50
_WARM_ANSWERS_SECONDS: Final = 1
_LOOK_SECONDS: Final = 0.1


def first_pieces(contenders: list[Contender]) -> Table:
    """Return the table of how long a first piece takes from the model to the caller."""
    table = Table(
        f"The first piece, with {OPEN} streams open",
        ("", "p50 ms", "p99 ms", "most ms", "other pieces, p99 ms", "target"),
        note="From the model's writing of a piece, which holds the time, until the caller has it: the "
        f"machine's network included. {PROBES} streams are opened one after the other beside {OPEN} with a "
        "piece a second each.",
    )
    for item in contenders:
        asked = _asked(item, OPEN, 1.0)
        said = answers.called(
            "hold",
            {
                **asked,
                "probes": PROBES,
                "pause_seconds": PAUSE_SECONDS,
                "probe": item.request(stub.FIRST, True),
            },
        )
        if said["served"] != OPEN:
            raise RuntimeError(f"{item.name}: {said}")
        first = said["first"]
        verdicts = []
        if item.name == FLOWKEYS:
            verdicts = [
                table.verdict(f"p50 ≤ {FIRST_P50_MS:.0f} ms", met=first["p50"] <= FIRST_P50_MS),
                table.verdict(f"p99 ≤ {FIRST_P99_MS:.0f} ms", met=first["p99"] <= FIRST_P99_MS),
            ]
        times = (f"{first[name]:.2f}" for name in ("p50", "p99", "most"))
        table.add(item.name, *times, f"{said['late']['p99']:.2f}", "; ".join(verdicts))
    return table


def many(folder: Path, asked: Process, others: list[Contender]) -> Table:
    """Return the table of a thousand streams at once; flowkeys is started anew: it has nothing to spare."""
    table = Table(
        f"{MANY:,} streams at once, a piece a second each",
        (
            "",
            "served",
            "late, p50 ms",
            "late, p99 ms",
            "most ms",
            "MB idle",
            "MB at most",
            "kB a stream",
            "target",
        ),
        note=f"Opened over {OVER_SECONDS:.0f} seconds, {stub.PACED_PIECES} pieces each. Memory is the "
        "server's alone, at most, against what it had after a second of short streams. Late is from the "
        "model's writing of a piece until the caller has it.",
    )
    with ExitStack() as stack:
        ours = flowkeys(stack, folder / "many", asked)
        for item in (ours, *others):
            _warm(item)
            idle = item.server.memory_mb()
            said, most = _watched(item)
            each = (most - idle) * 1024 / MANY
            late = said["late"]
            verdicts = []
            if item is ours:
                verdicts = [
                    table.verdict("all served", met=said["served"] == MANY),
                    table.verdict(f"≤ {MANY_KB} kB a stream", met=each <= MANY_KB),
                    table.verdict(f"p99 ≤ {LATE_P99_MS} ms late", met=late["p99"] <= LATE_P99_MS),
                ]
            table.add(
                item.name, f"{said['served']:,}", *(f"{late[name]:.1f}" for name in ("p50", "p99", "most")),
                f"{idle:.0f}", f"{most:.0f}", f"{each:.0f}", "; ".join(verdicts),
            )  # fmt: skip
    return table


def _asked(item: Contender, streams: int, over: float) -> dict[str, Any]:
    return {
        "url": item.server.url,
        "request": item.request(stub.PACED, True),
        "pieces": stub.PACED_PIECES,
        "streams": streams,
        "over_seconds": over,
    }


def _warm(item: Contender) -> None:
    answers.press(item, _WARM_ANSWERS_SECONDS)


def _watched(item: Contender) -> tuple[dict[str, Any], float]:
    """Hold many streams open; return what was found, and the most memory meanwhile."""
    most = item.server.memory_mb()
    over = threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(_LOOK_SECONDS):
            most = max(most, item.server.memory_mb())

    watching = threading.Thread(target=look)
    watching.start()
    try:
        return answers.called("hold", _asked(item, MANY, OVER_SECONDS)), most
    finally:
        over.set()
        watching.join()
