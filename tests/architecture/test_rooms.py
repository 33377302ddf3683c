"""Rooms that can be taken in at a glance (docs/adr/0024-rooms-by-noun.md)."""

import ast
from collections import defaultdict
from pathlib import Path

from tests.architecture.tree import ROOT, SOURCE, python_files, tracked

MOST_FILES = 20


def test_no_folder_of_code_is_a_long_list() -> None:
    """A folder holds at most twenty things, folders counted, but for that of the migrations."""
    things: dict[Path, set[Path]] = defaultdict(set)
    for path in tracked():
        if path.is_relative_to(SOURCE) or path.is_relative_to(ROOT / "tests"):
            for inner in [path, *path.parents]:
                if inner == ROOT:
                    break
                if inner.name != "py.typed":  # a mark for type checkers, and nothing to read
                    things[inner.parent].add(inner)
    long = {
        str(folder.relative_to(ROOT)): len(inside)
        for folder, inside in things.items()
        if len(inside) > MOST_FILES
        and folder not in {ROOT, ROOT / "tests"}  # one folder for each of the source
        and folder.name != "versions"  # migrations, which only become more
    }
    assert long == {}


def test_each_room_says_what_lives_there() -> None:
    """Each package begins with a sentence."""
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files("src")
        if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_tests_stand_where_their_subject_does() -> None:
    """A room of tests is named as a room of the source is, or as what is guaranteed."""
    guarantees = {"as_one", "every", "going_away", "keeping_secrets", "outages", "who_gets_in"}
    guarantees |= {"data", "network", "programs", "targets"}
    rooms = {path.name for path in SOURCE.rglob("*") if path.is_dir()}
    inner = {path.parent for path in python_files("tests") if path.parent.parent != ROOT / "tests"}
    strange = [
        str(path.relative_to(ROOT)) for path in inner if path.name not in rooms | guarantees | {"tests"}
    ]
    assert strange == []
