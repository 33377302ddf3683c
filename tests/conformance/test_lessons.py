"""Mistakes that other key systems made: each has its tests, and ``docs/lessons.md`` says which."""

import ast
import re
from typing import Final

from tests.architecture.tree import ROOT

PAGE: Final = ROOT / "docs" / "lessons.md"
SECTIONS: Final = {"Who gets in": 17, "Going away": 10, "Counting": 7, "Keeping the secret": 8}
"""How many mistakes each section has; none is taken out."""
_ROW: Final = re.compile(r"^\| (?!mistake|---)(.+?) \| (.+) \|$", re.MULTILINE)
_TEST: Final = re.compile(r"`(tests/[^`:]+\.py)::([^`]+)`")


def test_each_has_its_tests() -> None:
    """Each mistake has some, and each test that is named is there."""
    page = PAGE.read_text("utf-8")
    parts = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    assert {title: len(_ROW.findall(part)) for title, part in parts.items()} == SECTIONS
    missing = []
    for mistake, tests in _ROW.findall(page):
        found = _TEST.findall(tests)
        assert found, mistake
        missing += [f"{path}::{name}" for path, name in found if not _is_there(path, name)]
    assert missing == []


def test_no_conformance_test_about_them_is_left_out() -> None:
    """Each file of tests about who gets in, keys that go away and secrets is named by some row."""
    named = {path for path, _ in _TEST.findall(PAGE.read_text("utf-8"))}
    folders = ("who_gets_in", "going_away", "keeping_secrets")
    files = [file for folder in folders for file in (ROOT / "tests/conformance" / folder).glob("test_*.py")]
    assert {str(file.relative_to(ROOT)) for file in files} - named == set()


def _is_there(path: str, name: str) -> bool:
    file = ROOT / path
    if not file.is_file():
        return False
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, kinds)]
    return any(each.startswith("test_") for each in found) if name == "*" else name in found
