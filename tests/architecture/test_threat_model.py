"""SECURITY.md names a test for whatever it says is stopped, and each of them is there."""

import ast
import re

from tests.architecture.tree import ROOT

_PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
_MODEL = _PAGE.partition("## Threat model\n")[2].partition("\n## ")[0]
_ROW = re.compile(r"^\| (?!they |---)(.+) \|$", re.MULTILINE)


def test_every_test_that_the_threat_model_names_is_there() -> None:
    """A test that was renamed or deleted shows nothing."""
    named = re.findall(r"`(tests/[^`]+)`", _MODEL)[1:]  # behind this file
    lost = []
    for name in named:
        path, _, function = name.partition("::")
        file = ROOT / path
        if not file.exists() or function not in _functions(file.read_text("utf-8")):
            lost.append(name)
    assert len(named) > 50
    assert lost == []


def test_whatever_is_said_to_be_stopped_has_a_test() -> None:
    """A promise without one is a hope."""
    rows = [row.split(" | ") for row in _ROW.findall(_MODEL)]
    assert len(rows) > 30
    assert [row[0] for row in rows if len(row) != 3 or "::" not in row[2]] == []


def test_each_part_says_what_is_not_defended() -> None:
    """Whoever relies on it has to know where it ends."""
    parts = _MODEL.split("\n### ")[1:]
    assert [part.partition("\n")[0] for part in parts if "\nNot defended: " not in part] == []


def _functions(text: str) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, functions)}
