"""The two commands of the README's first screen, where something is missing."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts import test_all
from scripts.ci_skips import main as ci_skips
from tests.architecture.tree import ROOT


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder whose `bin` is all that a script may find: a shell's basics, and a caller who is not root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "mkdir"):
        (folder / name).symlink_to(shutil.which(name))
    program(folder / "id", "echo 1000")
    program(folder / "apt-get", "echo called >&2; exit 1")
    return tmp_path


def program(path: Path, script: str) -> None:
    """Write a small shell program."""
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)


def run(bare: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository in the bare folder."""
    (bare / "scripts").symlink_to(ROOT / "scripts")
    environment = {"PATH": str(bare / "bin")}
    return subprocess.run(
        ["sh", *command], cwd=bare, env=environment, capture_output=True, text=True, check=False
    )


def test_an_old_python_is_named_in_one_line(bare: Path) -> None:
    """Given only Python 3.9, set-up says which version it needs and how to name one."""
    program(bare / "bin" / "python3", 'case "$1" in -V) echo Python 3.9.2;; *) exit 1;; esac')
    result = run(bare, "scripts/setup.sh", "main")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "3.11 or newer" in line
    assert "Python 3.9.2" in line
    assert "make PYTHON=" in line


def test_a_missing_venv_module_is_named_in_one_line(bare: Path) -> None:
    """Given Debian's python3 without python3-venv and no root, set-up names the package."""
    program(
        bare / "bin" / "python3", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.11;; *) exit 0;; esac'
    )
    result = run(bare, "scripts/setup.sh", "main")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "sudo apt-get install python3.11-venv" in line


def test_missing_tools_are_named_and_stop_nothing(bare: Path) -> None:
    """Given no node and no root, the tools are named in one line; the tests that need them are skipped."""
    result = run(bare, "scripts/tools.sh")
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert "skipped" in line
    assert "sudo apt-get install nodejs npm wrk curl openssl redis-server pgbouncer chromium fonts-" in line


@pytest.mark.parametrize(("user", "known", "installed"), [(0, 0, True), (0, 1, False), (1000, 0, False)])
def test_the_quicker_browser_is_installed_where_it_can_be(
    bare: Path, user: int, known: int, installed: bool
) -> None:
    """Given all else, root gets the headless shell from a Debian that has it; nobody else hears of it."""
    for name in ("node", "npm", "wrk", "curl", "openssl", "redis-server", "pgbouncer", "chromium"):
        program(bare / "bin" / name, "exit 0")
    program(bare / "bin" / "id", f"echo {user}")
    program(bare / "bin" / "apt-cache", f"exit {known}")
    program(bare / "bin" / "apt-get", 'echo "$*" >>asked')
    program(bare / "bin" / "mktemp", "echo log")
    program(bare / "bin" / "rm", "exit 0")
    result = run(bare, "scripts/tools.sh")
    assert (result.returncode, result.stderr) == (0, "")
    asked = (bare / "asked").read_text() if (bare / "asked").exists() else ""
    assert ("chromium-headless-shell" in asked) is installed


def test_every_target_is_listed_by_help() -> None:
    """`make` alone tells a newcomer all there is."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))


PASSED = '<testcase classname="tests.a" name="test_one"/>'
SKIPPED = '<testcase classname="tests.a" name="test_two"><skipped message="no node"/></testcase>'
EXPECTED_FAILURE = '<testcase classname="tests.a" name="test_three"><skipped type="pytest.xfail"/></testcase>'


@pytest.mark.parametrize(
    ("cases", "allowed", "code"),
    [
        pytest.param(PASSED, "", 0, id="all ran"),
        pytest.param(PASSED + SKIPPED, "", 1, id="one skipped"),
        pytest.param(PASSED + SKIPPED, "# a\ntests.a::test_two  needs a GPU\n", 0, id="one allowed to skip"),
        pytest.param(PASSED + EXPECTED_FAILURE, "", 0, id="a known bug"),
        pytest.param(SKIPPED, "tests.a::test_two  needs a GPU", 1, id="nothing ran"),
        pytest.param("", "", 1, id="nothing collected"),
    ],
)
def test_ci_fails_when_a_test_did_not_run(tmp_path: Path, cases: str, allowed: str, code: int) -> None:
    """A skipped test is not a passed one."""
    results, exceptions = tmp_path / "results.xml", tmp_path / "allowed.txt"
    results.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", "utf-8")
    exceptions.write_text(allowed, "utf-8")
    assert ci_skips(str(results), str(exceptions)) == code


def test_the_table_of_all_parts_counts_what_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By part and folder; what a mark leaves out is told from what was skipped, and no failure is lost."""
    monkeypatch.setattr(test_all, "RESULTS", tmp_path)
    cases = {
        "passed": "",
        "failed": "<failure/>",
        "broken": "<error/>",
        "without": "<skipped message='no chromium'/>",
        "left": "<skipped message='left out on PostgreSQL: a file'/>",
    }
    text = "".join(
        f"<testcase classname='tests.http.x' name='{n}'>{said}</testcase>" for n, said in cases.items()
    )
    (tmp_path / "postgres.xml").write_text(f"<testsuites><testsuite>{text}</testsuite></testsuites>")
    lines, total = test_all.table(["postgres"])
    assert lines[1].split() == ["postgres", "http", "1", "2", "1", "1"]
    assert total == {"passed": 1, "failed": 2, "skipped": 1, "left out": 1}
    assert test_all.main(["nothing"]) == 2
