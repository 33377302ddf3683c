"""Style, types and sizes: what a reviewer should never have to say."""

import ast
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT, name_of, python_files

LONGEST = 300
LONGER: dict[str, str] = {}
"""Files that may be longer, each with the reason why it cannot be two."""
MIGRATIONS = "src/flowkeys/storage/migrations/versions/"
"""One step of the schema each, written once and never changed: their length is the schema's."""


@pytest.mark.parametrize("tool", ["ruff check .", "ruff format --check ."], ids=["lint", "format"])
def test_the_tool_has_nothing_to_say(tool: str) -> None:
    """The same commands as `make check`; mypy runs beside all tests (`types_beside.py`)."""
    run = subprocess.run(
        [sys.executable, "-m", *tool.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    """A file of more than 300 lines does more than one thing."""
    lengths = {
        name_of(path): len(path.read_text("utf-8").splitlines())
        for path in python_files("src", "scripts", "bench")
        if not name_of(path).startswith(MIGRATIONS)
    }
    too_long = {name for name, length in lengths.items() if length > LONGEST}
    assert too_long == set(LONGER)


def test_every_module_says_what_it_is_for() -> None:
    """The first line of a module is its docstring."""
    silent = [
        name_of(path)
        for path in python_files("src", "scripts", "bench", "tests")
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []
