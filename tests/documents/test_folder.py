"""Reading a folder for the command line."""

import os
from pathlib import Path

import pytest

from flowkeys.documents.folder import read_folder
from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.service.documents.collections import DocumentLimits

LIMITS = DocumentLimits(file_bytes=100, files=3)


def write(root: Path, *names: str) -> None:
    """Write small files with their names as content."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, "utf-8")


def test_documents_come_sorted_with_relative_paths(tmp_path: Path) -> None:
    """At any depth, and nothing of the server's path is in their names."""
    write(tmp_path, "b.md", "a/z.txt", "a/b/c.html")
    assert list(read_folder(tmp_path, LIMITS)) == [
        ("a/b/c.html", b"a/b/c.html"),
        ("a/z.txt", b"a/z.txt"),
        ("b.md", b"b.md"),
    ]


def test_a_single_file_is_read_too(tmp_path: Path) -> None:
    """Its name is its source."""
    write(tmp_path, "a/one.md")
    assert list(read_folder(tmp_path / "a/one.md", LIMITS)) == [("one.md", b"a/one.md")]


def test_hidden_files_and_those_of_tools_are_passed_over(tmp_path: Path) -> None:
    """What people did not write as documents is not read, and not spoken of."""
    write(tmp_path, ".env.md", ".git/a.md", ".venv/a.md", "node_modules/x/a.md", "kept.md")
    skipped: list[str] = []
    assert [source for source, _ in read_folder(tmp_path, LIMITS, lambda s, _: skipped.append(s))] == [
        "kept.md"
    ]
    assert skipped == []


def test_what_cannot_be_read_is_reported(tmp_path: Path) -> None:
    """Other kinds, files that are too large and pipes are left out with a reason each."""
    write(tmp_path, "program.bin", "letter.odt", "kept.md")
    (tmp_path / "large.md").write_bytes(b"x" * 101)
    os.mkfifo(tmp_path / "pipe.md")
    skipped: dict[str, str] = {}
    assert [source for source, _ in read_folder(tmp_path, LIMITS, skipped.__setitem__)] == ["kept.md"]
    assert {source: reason.split()[-1] for source, reason in skipped.items()} == {
        "program.bin": "read.",
        "letter.odt": "PDF.",
        "large.md": "bytes",
        "pipe.md": "file",
    }


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A link to a file elsewhere is reported and not read; folders are not entered through links."""
    write(tmp_path, "outside/secret.md", "docs/kept.md")
    (tmp_path / "docs/out.md").symlink_to(tmp_path / "outside/secret.md")
    (tmp_path / "docs/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "docs/in.md").symlink_to(tmp_path / "docs/kept.md")
    skipped: list[str] = []
    found = dict(read_folder(tmp_path / "docs", LIMITS, lambda s, _: skipped.append(s)))
    assert found == {"in.md": b"docs/kept.md", "kept.md": b"docs/kept.md"}
    assert skipped == ["out.md"]


def test_files_are_read_when_their_turn_comes(tmp_path: Path) -> None:
    """A file that vanishes meanwhile is reported; a large folder is never in memory as a whole."""
    write(tmp_path, "a.md", "b.md")
    skipped: list[str] = []
    files = read_folder(tmp_path, LIMITS, lambda s, _: skipped.append(s))
    assert next(files)[0] == "a.md"
    (tmp_path / "b.md").unlink()
    assert list(files) == []
    assert skipped == ["b.md"]


def test_too_many_documents_are_refused_before_any_is_read(tmp_path: Path) -> None:
    """The limit counts documents, not pictures."""
    write(tmp_path, "1.md", "2.md", "3.md", "4.png")
    assert len(list(read_folder(tmp_path, LIMITS))) == 3
    write(tmp_path, "4.md")
    with pytest.raises(TooLarge, match="4 documents"):
        read_folder(tmp_path, LIMITS)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The message says which."""
    with pytest.raises(InvalidInput, match="nowhere"):
        read_folder(tmp_path / "nowhere", LIMITS)
