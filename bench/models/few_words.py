"""What a flow costs whose model says a few words: Start → LLM → Direct Reply, behind a key."""

from typing import Final

from bench.models import stub
from bench.models.answers import CONNECTIONS, Round, median, pressed
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
    found: dict[str, list[Round]] = {kind: [] for kind in KINDS}
    for number in range(rounds + 1):
        for kind in KINDS:
            taken = press(item, seconds, streamed=kind == STREAMED)
            if number:  # the first round warms
                found[kind].append(taken)
    for kind, all_taken in found.items():
        middle = median(all_taken)
        cpu_ms = middle.cpu_ms
        target = table.verdict(f"{kind} ≤ {CPU_MS[kind]} CPU ms", met=cpu_ms <= CPU_MS[kind])
        shown = f"{middle.per_second:,.0f}", f"{middle.p50_ms:.1f}", f"{cpu_ms:.2f}"
        table.add(kind, *shown, str(FLOWISE_MS[kind]), target)
    return table


def press(item: Contender, seconds: int, *, streamed: bool) -> Round:
    """Return what a round of calls comes to."""
    marker = f"R: {''.join(stub.FEW_WORDS)}"
    return pressed(item.server, item.request(stub.FEW, streamed), seconds, marker)
