"""``-p tests.support.programs.types_beside``: mypy looks at the types while the tests run, and counts as one.

It takes forty seconds of one core when it has kept nothing: no process that runs tests should wait for it.
`make check` runs it alone.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
NAME = "tests/architecture/test_style.py::test_the_types_are_right"

_running: subprocess.Popen[str] | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin, in the process that distributes tests to others or runs them itself."""
    global _running  # noqa: PLW0603 - a session is one for a process
    if not hasattr(session.config, "workerinput") and not session.config.option.collectonly:
        _running = subprocess.Popen(
            [sys.executable, "-m", "mypy"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report what it found, as a test that passed or failed, before the session is summed up."""
    if _running is None:
        return
    said, _ = _running.communicate()
    failed = _running.returncode != 0
    for when in ("setup", "call", "teardown"):
        session.config.hook.pytest_runtest_logreport(report=_report(when, said if failed else None))
    if failed and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _report(when: Any, problem: str | None) -> pytest.TestReport:
    failed = problem is not None and when == "call"
    return pytest.TestReport(
        nodeid=NAME,
        location=("tests/architecture/test_style.py", 0, "test_the_types_are_right"),
        keywords={},
        outcome="failed" if failed else "passed",
        longrepr=problem if failed else None,
        when=when,
    )
