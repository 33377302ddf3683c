"""What an answer of 200 pieces costs: every contender in every round, streamed and whole."""

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from bench.models import stub
from bench.models.contenders import FLOWKEYS, LITELLM, PASS_THROUGH, Contender
from bench.process import CLIENT_CORE, Process, pinned
from bench.report import Table

CONNECTIONS: Final = 16
STREAMED, IN_TURN, WHOLE = KINDS = "streamed", "streamed, taking turns", "whole"
CPU_MS: Final = {STREAMED: 2.5, IN_TURN: 2.5, WHOLE: 1.0}
OF_LITELLM: Final = {STREAMED: 40, IN_TURN: 40, WHOLE: 10}
OF_PASS_THROUGH: Final = 0.5
LITELLM_ROUNDS: Final = 3
"""At most: each of its streamed answers takes a fifth of a second."""
_LONGEST_SECONDS: Final = 120


@dataclass(frozen=True)
class Round:
    """What one round came to, or the middle of some."""

    per_second: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float


def measure(contenders: list[Contender], missing: dict[str, str], rounds: int, seconds: int) -> Table:
    """Return the table."""
    found: dict[tuple[str, str], list[Round]] = defaultdict(list)
    for number in range(rounds + 1):
        for item in contenders:
            if item.name == LITELLM and number > LITELLM_ROUNDS:
                continue
            for kind in KINDS:
                taken = press(item, seconds, kind)
                if number:  # the first round warms
                    found[item.name, kind].append(taken)
    medians = {case: median(taken) for case, taken in found.items()}
    table = Table(
        f"A model's answer of {stub.PIECES} pieces",
        ("", "a second", "p50 ms", "p99 ms", "CPU ms each", "pieces a CPU second", "target"),
        note=f"{CONNECTIONS} connections. The model, on the core of those who call, writes each piece by "
        "itself and without a pause, stream after stream, or taking turns. Each answer of flowkeys is stored "
        "durably, with its question, before its end. What is asked for whole is so from the model too.",
    )
    for (name, kind), item in medians.items():
        table.add(
            f"{name}, {kind}", f"{item.per_second:,.0f}", f"{item.p50_ms:.1f}", f"{item.p99_ms:.1f}",
            f"{item.cpu_ms:.2f}", f"{stub.PIECES / item.cpu_ms * 1000:,.0f}" if kind != WHOLE else "",
            _verdicts(table, kind, medians) if name == FLOWKEYS else "",
        )  # fmt: skip
    for name, why in missing.items():
        table.add(name, "not measured", "", "", "", "", why)
    return table


def _verdicts(table: Table, kind: str, medians: dict[tuple[str, str], Round]) -> str:
    here = medians[FLOWKEYS, kind].cpu_ms
    verdicts = [table.verdict(f"{kind} ≤ {CPU_MS[kind]} CPU ms", met=here <= CPU_MS[kind])]
    if (other := medians.get((LITELLM, kind))) is not None:
        times = other.cpu_ms / here
        label = f"{kind} ≥ {OF_LITELLM[kind]} times fewer than LiteLLM's ({times:.0f})"
        verdicts.append(table.verdict(label, met=times >= OF_LITELLM[kind]))
    if kind != WHOLE:
        of = medians[PASS_THROUGH, kind].cpu_ms / here
        label = f"{kind} ≥ {OF_PASS_THROUGH} of the pass-through ({of:.2f})"
        verdicts.append(table.verdict(label, met=of >= OF_PASS_THROUGH))
    return "; ".join(verdicts)


def press(item: Contender, seconds: int, kind: str = STREAMED) -> Round:
    request = item.request(stub.TURNS if kind == IN_TURN else stub.BURST, kind != WHOLE)
    return pressed(item.server, request, seconds, stub.WORD, times=stub.PIECES)


def pressed(
    server: Process,
    request: str,
    seconds: int,
    marker: str,
    *,
    times: int = 1,
    connections: int = CONNECTIONS,
) -> Round:
    """Return what a round of calls comes to, of which each answer has the marker so many times."""
    asked = {
        "url": server.url,
        "request": request,
        "connections": connections,
        "seconds": seconds,
        "marker": marker,
        "times": times,
    }
    before = server.cpu_seconds()
    said = called("press", asked)
    used = server.cpu_seconds() - before
    count = said["answers"]
    return Round(count / said["seconds"], used / count * 1000, said["p50"], said["p99"])


def called(how: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Let a process of its own call, and return what it found."""
    result = subprocess.run(
        caller(how),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"{asked['url']}: {result.stderr[-1500:]}")
    return json.loads(result.stdout)


def caller(how: str) -> list[str]:
    """Return the command of a process that calls."""
    return [*pinned(CLIENT_CORE), sys.executable, "-m", "bench.models.caller", how]


def median(rounds: list[Round]) -> Round:
    """Return the middle of each figure."""
    names = ("per_second", "cpu_ms", "p50_ms", "p99_ms")
    return Round(*(statistics.median(getattr(item, name) for item in rounds) for name in names))
