"""What is in the repository, and what must never be."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.architecture.tree import ROOT, name_of, tracked

PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*")
# Written so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile(r"(?<![\w.*-])/(?:work|root|opt/wheels|opt/pypi|home/[a-z]+)/")
REGISTRY_HOSTS = re.compile(r"(?:pypi|pythonhosted|npmjs|yarnpkg|debian)\.(?:org|com)\b")
LOCK_FILES = {
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "uv.lock",
    "poetry.lock",
}

RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-clients.txt"])
def test_constraints_are_names_and_versions_only(name: str) -> None:
    """A pin says what, never where from: no address, no path, no marker."""
    odd = [line for line in (ROOT / name).read_text("utf-8").splitlines() if not PIN.fullmatch(line)]
    assert odd == []


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


def test_decision_records_are_numbered_without_gaps() -> None:
    """A record is referred to by its number, so numbers are neither reused nor skipped."""
    assert [path.name[:4] for path in RECORDS] == [f"{n:04}" for n in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=[path.stem for path in RECORDS])
def test_a_decision_record_is_complete(record) -> None:
    """A decision says why, what follows, and what enforces it."""
    text = record.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Status", "Context", "Decision", "Consequences"]
    assert re.search(r"^Check: \S", text, re.MULTILINE)


@pytest.mark.parametrize("record", RECORDS, ids=[path.stem for path in RECORDS])
def test_the_check_of_a_decision_record_exists(record) -> None:
    """The check is a file that runs, not a promise."""
    check = record.read_text("utf-8").partition("\nCheck:")[2].partition("\n\n")[0]
    named = [path for path in re.findall(r"`([^`\s]+)`", check) if "/" in path]
    assert named, "the check names no file"
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_links_between_documents_lead_somewhere() -> None:
    """Whoever follows a link in the documentation finds the page."""
    broken = []
    for page in (path for path in tracked() if path.suffix == ".md"):
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists():
                broken.append(f"{name_of(page)}: {link}")
    assert broken == []


def test_every_dependency_has_its_reason() -> None:
    """A package that nobody can say the reason for is not installed on other people's machines."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    groups = [*project["optional-dependencies"].values(), *settings["dependency-groups"].values()]
    wanted = {Requirement(line).name for group in (project["dependencies"], *groups) for line in group}
    explained = set(re.findall(r"`([^`]+)`", (ROOT / "docs/adr/0002-dependencies.md").read_text("utf-8")))
    assert wanted - explained == set()
