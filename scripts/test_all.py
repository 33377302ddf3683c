"""Run all tests: everything on SQLite, and what a database or a second process matters for on the others.

Usage: python scripts/test_all.py [PART …] [-- ARGUMENTS OF PYTEST]

Each part runs, whatever became of those before. At the end there is a line for each folder of each part: how
many tests passed, failed, were skipped since a program is missing, and were left out since they are about
what this part does not have (the marks `of_sqlite` and `of_one_process`, each with its reason). It fails when
a test failed. WORKERS says in how many processes tests run; their results are in build/test-all.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "build" / "test-all"
LEFT_OUT: Final = "left out "
"""How the reason of a skip begins that a mark explains (tests/conftest.py)."""
LESSONS: Final = ("conformance", "http", "verification")
"""Folders over HTTP, the mistakes of others among them (docs/lessons.md)."""
WITH_DATABASE: Final = (*LESSONS, "cli", "durability", "library", "limits", "pages", "telemetry", "usage")
"""Folders of tests for which it matters where the data is."""


class Part(NamedTuple):
    """What is run, and how."""

    folders: tuple[str, ...]
    environment: dict[str, str]
    marks: str = "not slow"
    """As pytest has them."""


PARTS: Final = {
    "sqlite": Part((), {"SWEEPS": "whole"}, ""),
    "postgres": Part(WITH_DATABASE, {"TESTS_ON": "postgres"}),
    "two": Part(LESSONS, {"TESTS_WORKERS": "2"}),
    "two-postgres": Part(LESSONS, {"TESTS_ON": "postgres", "TESTS_WORKERS": "2"}),
}
COLUMNS: Final = ("passed", "failed", "skipped", "left out")


def run(name: str, arguments: list[str]) -> int:
    """Run one part; return pytest's exit code."""
    part, results = PARTS[name], RESULTS / f"{name}.xml"
    results.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-n", os.environ.get("WORKERS", "2"), "--dist", "loadfile"]
    command += ["--no-loadscope-reorder", f"--junitxml={results}", "-m", part.marks, *arguments]
    if name == "sqlite":
        command += ["-p", "tests.support.programs.types_beside"]
    command += [f"tests/{folder}" for folder in part.folders]
    print(f"\n== {name}: {' '.join(part.folders) or 'everything'}", flush=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **part.environment}, check=False).returncode


def counted(results: Path) -> dict[str, Counter[str]]:
    """Return what became of the tests of each folder in a JUnit file."""
    found: dict[str, Counter[str]] = {}
    if not results.exists():
        return found
    for case in ET.parse(results).getroot().iter("testcase"):  # noqa: S314 - we wrote the file
        module = (case.get("classname") or "").split(".")
        folder = module[1] if len(module) > 1 else module[0]
        found.setdefault(folder, Counter())[_outcome(case)] += 1
    return found


def _outcome(case: ET.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skip = case.find("skipped")
    if skip is None or skip.get("type") == "pytest.xfail":
        return "passed"
    return "left out" if (skip.get("message") or "").startswith(LEFT_OUT) else "skipped"


def table(names: list[str]) -> tuple[list[str], Counter[str]]:
    """Return the lines of the table, and what became of all tests together."""
    lines, total = [f"{'part':13} {'folder':14}" + "".join(f"{name:>10}" for name in COLUMNS)], Counter[str]()
    for name in names:
        for folder, found in sorted(counted(RESULTS / f"{name}.xml").items()):
            lines.append(f"{name:13} {folder:14}" + "".join(f"{found[column]:10}" for column in COLUMNS))
            total += found
    lines.append(f"{'all':13} {'':14}" + "".join(f"{total[column]:10}" for column in COLUMNS))
    return lines, total


def main(arguments: list[str]) -> int:
    """Run the parts that are named, or all; return the exit code."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    names, more = arguments[:at] or list(PARTS), arguments[at + 1 :]
    if unknown := set(names) - PARTS.keys():
        print(f"There is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    RESULTS.mkdir(parents=True, exist_ok=True)
    codes = {name: run(name, more) for name in names}
    lines, total = table(names)
    print("\n".join(["", *lines]))
    for name, code in codes.items():
        if code:
            print(f"{name}: pytest ended with {code}", file=sys.stderr)
    return 1 if any(codes.values()) or total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
