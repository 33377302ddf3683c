"""No test measures a time or leans on one: on a busy machine it would fail, and none would be believed."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import name_of, python_files

CLOCKS = {"perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "monotonic", "monotonic_ns"}
CLOCKS |= {"thread_time", "thread_time_ns", "time", "time_ns"}
WAITS = {"sleep", "timeout", "wait_for", "settimeout", "wait_for_timeout"}
"""Calls whose first argument, or second, says how long."""
ASKS = {
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "head",
    "options",
    "request",
    "stream",
    "Client",
    "AsyncClient",
}
"""What of httpx gives up after five seconds of its own choice."""
LONG = 20
"""Seconds that are only reached by what never happens."""

ALLOWED: dict[str, str] = {
    "tests/support/waiting.py": "the one place that waits",
    "tests/support/raw_model.py": "a model that pauses between segments: longer changes nothing",
    "tests/support/network/relay.py": "it waits for a condition, with a bound of its own",
    "tests/proxies/chat.py": "what answers looks for its next piece now and then",
    "tests/durability/test_revocation_elsewhere.py": "what was sent after a moment is decided after it",
    "tests/conformance/as_one/steady.py": "slow: as many calls a second as the machine can, none fails",
    "tests/durability/workers.py": "when a call was sent, to be compared with when a change was acknowledged",
    "tests/durability/targets/durable.py": "what blocks a thread looks for its release now and then",
    "tests/conformance/pages.py": "the present time is a value in a form",
    "tests/conformance/going_away/test_changes_elsewhere.py": "the present time is a value in a row",
    "tests/conformance/going_away/test_a_thousand_revocations.py": "slow: moments compared",
    "tests/conformance/going_away/test_at_once.py": "what ended before a moment, and what began after it",
    "tests/conformance/going_away/test_by_time_and_restart.py": "a time lies between two others",
    "tests/conformance/as_one/recording.py": "when calls began and ended, to be compared with each other",
    "tests/http/test_kept_connections.py": "a deadline as an argument; the pauses are in a slow test",
    "tests/library/test_remote.py": "the present time and a deadline are arguments",
    "tests/library/going_away/test_remote_after_a_restore.py": "the present time is an argument",
    "tests/library/going_away/test_remote_going_on.py": "the present time is an argument",
    "tests/models/test_model.py": "slow: a real model, and in which order its pieces come",
    "tests/pages/watched.py": "playwright hears of what happened only while it waits",
}
"""Files that read a clock or wait for a moment, each with the reason why no load makes them fail."""


def moments(path: Path) -> Iterator[str]:
    """Yield where a file reads a clock, or waits for a small time, its own or that of a library."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        owner = getattr(called.value, "id", "") if isinstance(called, ast.Attribute) else ""
        if owner == "time" and name in CLOCKS:
            yield f"line {node.lineno}: time.{name}"
        if owner == "httpx" and name in ASKS and not {item.arg for item in node.keywords} & {"timeout", None}:
            yield f"line {node.lineno}: httpx.{name} without a timeout"
        given = node.args if name in WAITS else []
        given = [*given, *(item.value for item in node.keywords if item.arg == "timeout")]
        for value in given:
            number = value.value if isinstance(value, ast.Constant) else None
            if isinstance(number, int | float) and 0 < number < LONG:
                yield f"line {node.lineno}: {name} {number}"


def test_nothing_measures_a_time_or_leans_on_one() -> None:
    """Wait with `until`, `soon` or `patience` (tests/support/waiting.py); count with `calls` (effort.py).

    What is about time belongs into `bench`. A file that has to, say a server that answers slowly, is in
    `ALLOWED` with the reason why it cannot fail on a slow machine.
    """
    found = {name_of(path): [*moments(path)] for path in python_files("tests")}
    assert {name: where for name, where in found.items() if where and name not in ALLOWED} == {}
    assert {name for name in ALLOWED if not found.get(name)} == set()
