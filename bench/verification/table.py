"""The one table: every contender in every round, one after the other, and the middle of the rounds."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import load
from bench.load import Figures
from bench.report import Table
from bench.verification import contenders
from bench.verification.contenders import EMPTY, MANY, NO_BODY, PROTOCOL_PATH
from bench.verification.keys import Filled

OF_EMPTY: Final = {"GET": 1.6, "POST": 1.4}
OF_BARE: Final = 0.6
OF_RAW: Final = 0.95
TIMES_PEERS: Final = 10
BARE: Final = "bare protocol, the same work"


def measure(folder: Path, filled: Filled, rounds: int, seconds: int) -> Table:
    """Return the table."""
    found: dict[str, list[Figures]] = {}
    with ExitStack() as stack:
        running, missing = contenders.start(stack, folder, filled)
        for number in range(rounds + 1):
            for item in running:
                figures = load.press(item.server, item.call, item.connections, seconds, folder)
                if number:  # the first round warms
                    found.setdefault(item.name, []).append(figures)
    medians = {name: load.median(items) for name, items in found.items()}
    table = Table(
        "Verification, one process on one core",
        ("", "a second", "p50 ms", "p99 ms", "CPU µs each", "of an empty app", "target"),
        note="GET is forward-auth, POST is verify with a chatflow in the body. “Of an empty app” compares "
        "answers for a second of processor time with those of an ASGI application that does nothing on the "
        "same uvicorn, asked the same way, in the same run; so do the targets. keyshield is asked over one "
        "connection, all others over 16, or as many as it says. Here are 1,000 keys, by hand too; the "
        "packages have ten each. By hand over a dict has no target: even a bare protocol that does our work "
        "and nothing else is not ten times as fast, so no server on one can be.",
    )
    for name, item in medians.items():
        empty = NO_BODY if name.startswith((NO_BODY, MANY)) else EMPTY
        yardstick = medians[f"{empty}, {'POST' if name.endswith('POST') else 'GET'}"]
        table.add(
            name, f"{item.per_second:,.0f}", f"{item.p50_ms:.2f}", f"{item.p99_ms:.1f}",
            f"{item.cpu_ms * 1000:,.0f}", f"{item.per_cpu_second / yardstick.per_cpu_second:.2g}",
            _verdicts(table, name, medians),
        )  # fmt: skip
    for name, why in missing.items():
        table.add(name, "not measured", "", "", "", "", why)
    return table


def _verdicts(table: Table, name: str, medians: dict[str, Figures]) -> str:
    here = medians[name].per_cpu_second

    def of(other: str, target: float) -> str:
        ratio = here / medians[other].per_cpu_second
        label = "one without a body" if other.startswith(NO_BODY) else other.partition(",")[0]
        return table.verdict(f"≥ {target} of {label} ({ratio:.2f})", met=ratio >= target)

    who, _, method = name.rpartition(", ")
    if who == MANY:
        return of(f"{NO_BODY}, {method}", OF_EMPTY[method])
    if who == PROTOCOL_PATH:
        return "; ".join(
            (
                of(f"{EMPTY}, {method}", OF_EMPTY[method]),
                of(f"{BARE}, {method}", OF_BARE),
            )
        )
    if who == "ASGI path":
        return of(f"raw ASGI, the same work, {method}", OF_RAW)
    if name in {peer.name for peer in contenders.PEERS_TO_START}:
        times = medians[f"{PROTOCOL_PATH}, GET"].per_cpu_second / here
        if name == contenders.BY_HAND_IN_MEMORY:  # what no server could reach is no target
            most = medians[f"{BARE}, GET"].per_cpu_second / here
            return f"none: protocol path {times:.1f}x, bare protocol {most:.1f}x"
        return table.verdict(f"protocol path ≥ {TIMES_PEERS}x ({times:,.0f})", met=times >= TIMES_PEERS)
    return ""
