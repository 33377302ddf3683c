"""Units of work over documents, and over the imports of them that somebody waits for."""

from typing import Protocol

from flowkeys.domain.chatflows.import_job import ImportJob
from flowkeys.domain.documents.collection import Collection, Document, Hit, ParsedDocument


class Collections(Protocol):
    """Document collections within one transaction, and the search in them."""

    def insert(self, collection: Collection) -> None:
        """Add an empty collection."""
        ...

    def get(self, workspace_id: str, collection_id: str) -> Collection | None:
        """Return a collection with its counts."""
        ...

    def find(self, workspace_id: str, name: str) -> Collection | None:
        """Return the oldest collection of this name."""
        ...

    def all(self, workspace_id: str) -> list[Collection]:
        """Return the workspace's collections, newest first."""
        ...

    def delete(self, workspace_id: str, collection_id: str) -> None:
        """Delete a collection with its documents and passages."""
        ...

    def put_document(self, document: Document, parsed: ParsedDocument) -> None:
        """Add a document with its passages, in the place of one with the same source."""
        ...

    def documents(self, workspace_id: str, collection_id: str) -> list[Document]:
        """Return a collection's documents by source."""
        ...

    def delete_document(self, workspace_id: str, collection_id: str, document_id: str) -> bool:
        """Delete one document; tell whether there was one."""
        ...

    def search(self, workspace_id: str, collection_id: str, question: str, limit: int) -> list[Hit]:
        """Return the passages that answer a question best, best first; none when none is relevant.

        Any text is a legal question: words from people are never read as query syntax.
        """
        ...


class ImportJobRows(Protocol):
    """Imports, known to every process, within one transaction."""

    def add(self, job: ImportJob) -> None:
        """Add an import."""
        ...

    def get(self, workspace_id: str, owner: str, job_id: str) -> ImportJob | None:
        """Return an import of somebody's own."""
        ...

    def of(self, workspace_id: str, owner: str) -> list[ImportJob]:
        """Return all of somebody's, the last begun first."""
        ...

    def tell(self, job: ImportJob) -> bool:
        """Store how far it is: counts, state, what came of it, and when; tell whether it is to stop."""
        ...

    def ask_to_stop(self, workspace_id: str, owner: str, job_id: str) -> None:
        """Note that its owner wants it stopped; its process learns of it when it next tells."""
        ...

    def forget(self, before: int) -> None:
        """Delete those of which nothing was heard since a time."""
        ...
