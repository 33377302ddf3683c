"""Documentation that is held to what the code says."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.architecture.tree import ROOT, name_of, tracked

CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
"""The order of Keep a Changelog."""
RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))


def test_links_between_documents_lead_somewhere() -> None:
    """Whoever follows a link in the documentation finds the page."""
    broken = []
    for page in (path for path in tracked() if path.suffix == ".md"):
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists():
                broken.append(f"{name_of(page)}: {link}")
    assert broken == []


def test_files_that_the_architecture_names_are_there() -> None:
    """Whoever looks for the test that holds an invariant, or for a step of a token's way, finds the file."""
    named = re.compile(r"`((?:\w+/)+[\w.]+)`")
    lost = [
        f"{name_of(page)}: {path}"
        for page in (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md")
        for path in named.findall(page.read_text("utf-8"))
        if not ((ROOT / path).exists() or (ROOT / "src/flowkeys" / path).exists())
        and path.partition("/")[0] != "build"
    ]
    assert lost == []


def test_every_dependency_has_its_reason() -> None:
    """A package that nobody can say the reason for is not installed on other people's machines."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    groups = [*project["optional-dependencies"].values(), *settings["dependency-groups"].values()]
    wanted = {Requirement(line).name for group in (project["dependencies"], *groups) for line in group}
    explained = set(re.findall(r"`([^`]+)`", (ROOT / "docs/adr/0002-dependencies.md").read_text("utf-8")))
    assert wanted - explained == set()


def test_the_changelog_says_everything_once_and_in_its_place() -> None:
    """Whoever looks for a change finds it under one heading: merges have repeated entries and headings."""
    releases = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    for release in releases:
        name, *sections = re.split(r"^### ", release, flags=re.MULTILINE)
        entries = re.findall(r"^- .*?(?=^- |^#|\Z)", release.strip() + "\n", re.MULTILINE | re.DOTALL)
        kinds = [section.partition("\n")[0] for section in sections]
        assert kinds == [kind for kind in CHANGES if kind in kinds]
        assert "\n- " not in name, "an entry stands above the headings"
        assert [entry for entry in set(entries) if entries.count(entry) > 1] == []


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
    assert [path for path in named if not (ROOT / path.partition("::")[0]).exists()] == []
