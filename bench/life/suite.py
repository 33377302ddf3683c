"""The tables: calls with everything against calls without, and beside another checkout if one is named."""

import statistics
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import load
from bench.life import decisions, shared
from bench.life.subject import (
    COUNTED,
    FORWARD_AUTH,
    FULL,
    LIMITED,
    PLAIN,
    PREDICTION,
    VERIFY,
    Subject,
    started,
)
from bench.load import Figures
from bench.report import Table

CONNECTIONS: Final = 16
KEPT: Final = 0.9
"""Of the answers for a second of processor time, so much is left with everything."""
CPU: Final = 1.05
"""So many times the processor time may a prediction cost."""

Rounds = dict[tuple[str, str], list[Figures]]
OTHER: Final = "other checkout"


def measure(folder: Path, rounds: int, seconds: int, beside: Path | None) -> Iterator[Table]:
    """Return the tables. `beside` is another checkout, with an environment of its own in ``.venv``."""
    with ExitStack() as stack:
        ours = stack.enter_context(started(folder / "ours"))
        subjects: list[tuple[Subject, tuple[str, str], tuple[str, str]]] = [
            (ours, key, key) for key in ours.calls if key[1] != LIMITED
        ]
        if beside is not None:
            programs = beside / ".venv" / "bin"
            theirs = stack.enter_context(started(folder / "theirs", programs, plain_only=True))
            subjects += [(theirs, key, (key[0], OTHER)) for key in theirs.calls]
        # What is compared follows each other.
        subjects.sort(key=lambda each: each[1][0])
        found: Rounds = {name: [] for _, _, name in subjects}
        for number in range(rounds + 1):
            for subject, key, name in subjects:
                figures = load.press(subject.server, subject.calls[key], CONNECTIONS, seconds, folder)
                if number:  # the first is to warm up
                    found[name].append(figures)
        yield _against_without(found, ours.features)
        if beside is not None:
            yield _beside(found, _commit(beside))
        yield from shared.measure(ours, folder, rounds, seconds)
    yield from decisions.measure()


def _against_without(found: Rounds, features: tuple[str, ...]) -> Table:
    table = Table(
        f"Keys with {', '.join(features)} and usage, against keys without",
        ("", "without: for a CPU second", "with all", "ratio", "CPU ms, without", "with all", "target"),
        note="Both keys on one server, in turn, 16 connections; the ratios are medians of the rounds'. Usage "
        "is recorded of every call, with limits or without. A verification counts when its body asks for it.",
    )
    for what in (FORWARD_AUTH, VERIFY, COUNTED, PREDICTION):
        _compare(table, what, found[what, PLAIN], found[what, FULL], has_target=what != COUNTED)
    return table


def _beside(found: Rounds, commit: str) -> Table:
    table = Table(
        f"Beside {commit}, in the same run",
        ("", "there: for a CPU second", "here", "ratio", "CPU ms, there", "here", "target"),
        note="There: a key that is bound to a chatflow. Here: such a key, and one with all.",
    )
    for what in (FORWARD_AUTH, VERIFY, PREDICTION):
        for kind in (PLAIN, FULL):
            name = f"{what}, {kind}"
            _compare(table, name, found[what, OTHER], found[what, kind], has_target=kind == FULL)
    return table


def _compare(
    table: Table, name: str, before: list[Figures], after: list[Figures], *, has_target: bool
) -> None:
    pairs = list(zip(before, after, strict=True))
    kept = statistics.median(late.per_cpu_second / early.per_cpu_second for early, late in pairs)
    cost = statistics.median(late.cpu_ms / early.cpu_ms for early, late in pairs)
    if not has_target:
        verdict = ""
    elif name.startswith(PREDICTION):
        verdict = table.verdict(f"{name}: ≤ {CPU} times the CPU ms", met=cost <= CPU)
    else:
        verdict = table.verdict(f"{name}: ≥ {KEPT}", met=kept >= KEPT)
    one, two = load.median(before), load.median(after)
    table.add(
        name,
        f"{one.per_cpu_second:,.0f}",
        f"{two.per_cpu_second:,.0f}",
        f"{kept:.3f}",
        f"{one.cpu_ms:.4f}",
        f"{two.cpu_ms:.4f}",
        verdict,
    )


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found or "another checkout"
