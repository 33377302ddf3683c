"""Collections that were filled by an earlier version answer after the upgrade, as if they were filled now."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys.domain.documents.collection import Document, Passage
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables
from tests.documents.support import parsed
from tests.support.template import upgrade_to

COLLECTION = "INSERT INTO collection VALUES (1, 'c', 'w', 'docs', NULL, 0, 0)"
DOCUMENT = (
    "INSERT INTO document"
    " (id, workspace_id, collection_id, source, media_type, size_bytes, sha256, created_at)"
    " VALUES (:id, 'w', 'c', :id, 'text/plain', 1, 'x', 0)"
)
PASSAGE = (
    "INSERT INTO passage (workspace_id, collection_id, document_id, position, heading, content)"
    " VALUES ('w', 'c', :id, :position, :heading, :content)"
)
PASSAGES = {
    "de.md": [
        ("Straße", "Die Straße wird im Winter geräumt."),
        ("Größe", "Welche Größe passt, zeigt die Tabelle."),
    ],
    "zh.md": [("退货", "收到商品后七天内可以退货。")],
}


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database of the version before, with three passages, brought up to date."""
    path = tmp_path / "old.db"
    upgrade_to(path, "0006")
    with closing(connect(path)) as old:
        old.execute("INSERT INTO workspace VALUES ('w', 'w', 0)")
        old.execute(COLLECTION)
        for document, passages in PASSAGES.items():
            old.execute(DOCUMENT, {"id": document})
            for position, (heading, content) in enumerate(passages):
                values = {"id": document, "position": position, "heading": heading, "content": content}
                old.execute(PASSAGE, values)
    migrate.upgrade(path)
    with closing(connect(path)) as connection:
        yield connection


def _found(raw: sqlite3.Connection, question: str) -> list[str]:
    return [hit.heading for hit in Tables(Connection(raw)).collections.search("w", "c", question, 5)]


def test_passages_of_an_earlier_version_are_found_in_the_new_ways(raw: sqlite3.Connection) -> None:
    """ß, stems and scripts without spaces: none of them was found before."""
    asked = {"Strasse": "Straße", "Welche Größen gibt es?": "Größe", "怎么退货?": "退货"}
    assert {question: _found(raw, question)[:1] for question in asked} == {q: [h] for q, h in asked.items()}


def test_they_are_replaced_and_deleted_as_others_are(raw: sqlite3.Connection) -> None:
    """Their old terms leave the full-text table with them, and it stays sound."""
    tables = Tables(Connection(raw))
    made = Document(
        id="new", workspace_id="w", collection_id="c", source="de.md", media_type="text/plain", size_bytes=1,
        sha256="y", created_at=1,
    )  # fmt: skip
    tables.collections.put_document(made, parsed("de.md", Passage("Tarif", "Der Tarif ist neu.")))
    assert _found(raw, "Strasse") == []
    assert _found(raw, "Tarife") == ["Tarif"]
    tables.collections.delete("w", "c")
    raw.execute("INSERT INTO passage_fts(passage_fts, rank) VALUES ('integrity-check', 1)")
    assert raw.execute("SELECT count(*) FROM passage_fts_vocabulary").fetchone() == (0,)
