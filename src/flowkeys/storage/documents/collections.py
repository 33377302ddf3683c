"""Collections and their documents within one transaction."""

from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from flowkeys.domain.documents.collection import Collection, Document, Hit, ParsedDocument
from flowkeys.storage.documents.passages import search
from flowkeys.storage.documents.passages.terms import languages_of, terms_of
from flowkeys.storage.schema import collection, document, passage
from flowkeys.storage.statement import Connection, Statement

_COLLECTION_NAMES: Final = [c.name for c in collection.c if c.name != "seq"]
_DOCUMENT_NAMES: Final = [c.name for c in document.c if c.name not in {"seq", "languages"}]

_documents = select(func.count()).where(document.c.collection_id == collection.c.id)
_passages = select(func.count()).where(passage.c.collection_id == collection.c.id)
_SELECT: Final = select(
    *(collection.c[name] for name in _COLLECTION_NAMES),
    _documents.scalar_subquery(),
    _passages.scalar_subquery(),
).where(collection.c.workspace_id == bindparam("workspace"))
_INSERT = Statement(insert(collection), _COLLECTION_NAMES)
_GET = Statement(_SELECT.where(collection.c.id == bindparam("collection")))
_FIND = Statement(_SELECT.where(collection.c.name == bindparam("name")).order_by(collection.c.seq))
_ALL = Statement(_SELECT.order_by(collection.c.seq.desc()))
_TOUCH = Statement(
    update(collection).where(
        collection.c.workspace_id == bindparam("workspace"), collection.c.id == bindparam("collection")
    ),
    ["updated_at"],
)
# Documents and passages go with it, and the triggers take the passages out of the full-text table.
_DELETE = Statement(
    delete(collection).where(
        collection.c.workspace_id == bindparam("workspace"), collection.c.id == bindparam("collection")
    )
)
_INSERT_DOCUMENT = Statement(insert(document), [*_DOCUMENT_NAMES, "languages"])
_INSERT_PASSAGE = Statement(insert(passage), [c.name for c in passage.c if c.name != "seq"])
_DOCUMENTS = Statement(
    select(
        *(document.c[name] for name in _DOCUMENT_NAMES),
        select(func.count()).where(passage.c.document_id == document.c.id).scalar_subquery(),
    )
    .where(
        document.c.workspace_id == bindparam("workspace"), document.c.collection_id == bindparam("collection")
    )
    .order_by(document.c.source)
)
_of_collection = delete(document).where(
    document.c.workspace_id == bindparam("workspace"), document.c.collection_id == bindparam("collection")
)
_DELETE_DOCUMENT = Statement(_of_collection.where(document.c.id == bindparam("document")))
_DELETE_SOURCE = Statement(_of_collection.where(document.c.source == bindparam("source")))


class CollectionTable:
    """Implements the port `Collections`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Collection) -> None:
        """Add an empty collection."""
        self._connection.run(_INSERT, {name: getattr(item, name) for name in _COLLECTION_NAMES})

    def get(self, workspace_id: str, collection_id: str) -> Collection | None:
        """Return a collection with its counts."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "collection": collection_id})
        return _collection(row) if row else None

    def find(self, workspace_id: str, name: str) -> Collection | None:
        """Return the oldest collection of this name."""
        row = self._connection.row(_FIND, {"workspace": workspace_id, "name": name})
        return _collection(row) if row else None

    def all(self, workspace_id: str) -> list[Collection]:
        """Return the workspace's collections, newest first."""
        return [_collection(row) for row in self._connection.rows(_ALL, {"workspace": workspace_id})]

    def delete(self, workspace_id: str, collection_id: str) -> None:
        """Delete a collection with its documents and passages."""
        self._connection.run(_DELETE, {"workspace": workspace_id, "collection": collection_id})

    def put_document(self, document: Document, parsed: ParsedDocument) -> None:
        """Add a document with its passages, in the place of one with the same source."""
        scope = {"workspace": document.workspace_id, "collection": document.collection_id}
        self._connection.run(_DELETE_SOURCE, {**scope, "source": document.source})
        terms = terms_of(parsed.passages)
        values = {name: getattr(document, name) for name in _DOCUMENT_NAMES}
        self._connection.run(_INSERT_DOCUMENT, {**values, "languages": languages_of(terms)})
        self._connection.run_many(
            _INSERT_PASSAGE,
            (
                {
                    "workspace_id": document.workspace_id,
                    "collection_id": document.collection_id,
                    "document_id": document.id,
                    "position": position,
                    "heading": item.heading,
                    "content": item.content,
                    "heading_terms": made.heading,
                    "content_terms": made.content,
                }
                for position, (item, made) in enumerate(zip(parsed.passages, terms, strict=True))
            ),
        )
        self._connection.run(_TOUCH, {**scope, "updated_at": document.created_at})

    def documents(self, workspace_id: str, collection_id: str) -> list[Document]:
        """Return a collection's documents by source."""
        rows = self._connection.rows(_DOCUMENTS, {"workspace": workspace_id, "collection": collection_id})
        return [_document(row) for row in rows]

    def delete_document(self, workspace_id: str, collection_id: str, document_id: str) -> bool:
        """Delete one document; tell whether there was one."""
        parameters = {"workspace": workspace_id, "collection": collection_id, "document": document_id}
        return self._connection.run(_DELETE_DOCUMENT, parameters) > 0

    def search(self, workspace_id: str, collection_id: str, question: str, limit: int) -> list[Hit]:
        """Return the passages that answer a question best; none when none is relevant."""
        return search.search(self._connection, workspace_id, collection_id, question, limit)


def _collection(row: tuple[Any, ...]) -> Collection:
    return Collection(**dict(zip(_COLLECTION_NAMES, row, strict=False)), documents=row[-2], passages=row[-1])


def _document(row: tuple[Any, ...]) -> Document:
    return Document(**dict(zip(_DOCUMENT_NAMES, row, strict=False)), passages=row[-1])
