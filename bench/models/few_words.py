"""What a flow costs whose model says a few words: Start → LLM → Direct Reply, behind a key."""

import statistics
from typing import Final

from bench.models import stub
from bench.models.answers import CONNECTIONS, called
from bench.models.contenders import Contender
from bench.report import Table

WHOLE, STREAMED = KINDS = "whole", "streamed"
CPU_MS: Final = {WHOLE: 0.6, STREAMED: 0.8}
FLOWISE_MS: Final = {WHOLE: 59, STREAMED: 61}
"""Flowise 3.1.4's, with 16 connections, measured elsewhere with such a model."""


def measure(item: Contender, rounds: int, seconds: int) -> Table:
    """Return the table."""
    table = Table(
        "Start → LLM → Direct Reply, a model of three words",
        ("", "a second", "p50 ms", "CPU ms each", "Flowise 3.1.4, CPU ms", "target"),
        note=f"{CONNECTIONS} connections, each call of a new session. The model is on the core of those who "
        "call. Each answer is stored durably, with its question and what its nodes did, before its end. Who "
        "streams hears the reply; the model is asked for its whole answer either way.",
    )
    found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in KINDS}
    for number in range(rounds + 1):
        for kind in KINDS:
            taken = press(item, seconds, streamed=kind == STREAMED)
            if number:  # the first round warms
                found[kind].append(taken)
    for kind, all_taken in found.items():
        per_second, p50, cpu_ms = (statistics.median(values) for values in zip(*all_taken, strict=True))
        target = table.verdict(f"{kind} ≤ {CPU_MS[kind]} CPU ms", met=cpu_ms <= CPU_MS[kind])
        table.add(kind, f"{per_second:,.0f}", f"{p50:.1f}", f"{cpu_ms:.2f}", str(FLOWISE_MS[kind]), target)
    return table


def press(item: Contender, seconds: int, *, streamed: bool) -> tuple[float, float, float]:
    """Return answers a second, the median wait in ms, and the server's processor time for each in ms."""
    asked = {
        "url": item.server.url,
        "request": item.request(stub.FEW, streamed),
        "connections": CONNECTIONS,
        "seconds": seconds,
        "marker": f"R: {''.join(stub.FEW_WORDS)}",
        "times": 1,
    }
    before = item.server.cpu_seconds()
    said = called("press", asked)
    used = item.server.cpu_seconds() - before
    return said["answers"] / said["seconds"], said["p50"], used / said["answers"] * 1000
