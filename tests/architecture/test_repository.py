"""What is in the repository, and what must never be."""

import re

import pytest

from tests.architecture.tree import ROOT, name_of, tracked

PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*")
# Written so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile(r"(?<![\w.*-])/(?:work|root|opt/wheels|opt/pypi|home/[a-z]+)/")
REGISTRY_HOSTS = re.compile(r"(?:pypi|pythonhosted|npmjs|yarnpkg|debian)\.(?:org|com)\b")
CONFLICTS = re.compile(r"^(?:<{7}|>{7}|={7}$)", re.MULTILINE)
LOCK_FILES = {
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "uv.lock",
    "poetry.lock",
}


@pytest.mark.parametrize("name", sorted(path.name for path in tracked() if path.match("constraints*.txt")))
def test_constraints_are_names_and_versions_only(name: str) -> None:
    """A pin says what, never where from: no address, no path, no marker."""
    odd = [line for line in (ROOT / name).read_text("utf-8").splitlines() if not PIN.fullmatch(line)]
    assert odd == []


def test_no_conflict_of_a_merge_is_left() -> None:
    """Marks of a conflict in a text break nothing, so nobody would see them but its readers."""
    texts = [(name_of(path), path.read_text("utf-8", errors="replace")) for path in tracked()]
    assert [name for name, text in texts if CONFLICTS.search(text)] == []


def test_no_lock_file_is_kept() -> None:
    """Lock files record the addresses that packages came from."""
    assert [name_of(path) for path in tracked() if path.name in LOCK_FILES] == []


@pytest.mark.parametrize("forbidden", [MACHINE_PATHS, REGISTRY_HOSTS], ids=["machine path", "registry host"])
def test_no_file_names_a_machine_or_a_registry(forbidden: re.Pattern[str]) -> None:
    """The repository works wherever it is cloned, with whatever registry pip and npm are set up for."""
    found = []
    for path in tracked():
        text = path.read_text("utf-8", errors="replace")
        found += [f"{name_of(path)}: {hit.group()}" for hit in forbidden.finditer(text)]
    assert found == []
