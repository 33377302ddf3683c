"""Document collections: making them, filling them with files, and searching them."""

from collections.abc import Iterable
from typing import Final

from flowkeys.domain.documents.collection import Collection, Document, Hit
from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import clean_name
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.documents.importing import DocumentLimits, Import, ImportReport, Progress
from flowkeys.service.journal import record
from flowkeys.service.ports.flows import DocumentParser
from flowkeys.service.ports.store import Store, Transaction

__all__ = ["CollectionService", "DocumentLimits", "ImportReport"]

DESCRIPTION_LENGTH: Final = 2_000


class CollectionService:
    """The use cases of collections. Each change is in the change feed and the audit log."""

    def __init__(
        self, store: Store, parser: DocumentParser, clock: Clock, limits: DocumentLimits | None = None
    ) -> None:
        self._store = store
        self._parser = parser
        self._clock = clock
        self._limits = limits or DocumentLimits()

    @property
    def limits(self) -> DocumentLimits:
        """How much a file, an import and a collection may come to."""
        return self._limits

    async def create(self, caller: Caller, name: str, description: str | None = None) -> Collection:
        """Make an empty collection.

        Raises:
            InvalidInput: the name or the description is not fit.
            Forbidden: the caller may not.
        """
        caller.require("documentStores:create")
        cleaned = clean_name(name)
        if cleaned is None:
            raise InvalidInput.of("name", "1 to 100 characters, no control characters.")
        if description is not None and len(description) > DESCRIPTION_LENGTH:
            raise InvalidInput.of("description", f"At most {DESCRIPTION_LENGTH} characters.")
        now = self._clock()
        made = Collection(
            id=new_id(),
            workspace_id=caller.workspace_id,
            name=cleaned,
            description=description or None,
            created_at=now,
            updated_at=now,
        )

        def work(tx: Transaction) -> Collection:
            tx.collections.insert(made)
            _record(tx, caller, now, "collection.create", made.id, after=_describe(made))
            return made

        return await self._store.write(work)

    async def all(self, caller: Caller) -> list[Collection]:
        """Return the workspace's collections, newest first."""
        caller.require("documentStores:view")
        return await self._store.read(lambda tx: tx.collections.all(caller.workspace_id))

    async def get(self, caller: Caller, collection_id: str) -> Collection:
        """Return one collection.

        Raises:
            NotFound: the workspace has none of this id.
        """
        caller.require("documentStores:view")
        return await self._store.read(lambda tx: _get(tx, caller, collection_id))

    async def delete(self, caller: Caller, collection_id: str) -> None:
        """Delete a collection with all it holds. A chatflow that names it finds nothing from then on.

        Raises:
            NotFound: the workspace has none of this id.
        """
        caller.require("documentStores:delete")
        await self.take_back(caller, collection_id)

    async def take_back(self, caller: Caller, collection_id: str) -> None:
        """Delete a collection that the caller was just making, for which no permission to delete is needed.

        Only for what makes a collection as a part of something else, and fails.

        Raises:
            NotFound: the workspace has none of this id.
        """
        now = self._clock()

        def work(tx: Transaction) -> None:
            found = _get(tx, caller, collection_id)
            tx.collections.delete(caller.workspace_id, collection_id)
            _record(tx, caller, now, "collection.delete", found.id, before=_describe(found))

        await self._store.write(work)

    async def documents(self, caller: Caller, collection_id: str) -> list[Document]:
        """Return a collection's documents by source.

        Raises:
            NotFound: the workspace has no such collection.
        """
        caller.require("documentStores:view")

        def work(tx: Transaction) -> list[Document]:
            _get(tx, caller, collection_id)
            return tx.collections.documents(caller.workspace_id, collection_id)

        return await self._store.read(work)

    async def delete_document(self, caller: Caller, collection_id: str, document_id: str) -> None:
        """Delete one document with its passages.

        Raises:
            NotFound: the collection holds none of this id.
        """
        caller.require("documentStores:delete-loader")
        now = self._clock()

        def work(tx: Transaction) -> None:
            _get(tx, caller, collection_id)
            documents = tx.collections.documents(caller.workspace_id, collection_id)
            source = next((d.source for d in documents if d.id == document_id), None)
            if source is None:
                raise NotFound("document")
            tx.collections.delete_document(caller.workspace_id, collection_id, document_id)
            _record(tx, caller, now, "document.delete", collection_id, before={"source": source})

        await self._store.write(work)

    async def search(self, caller: Caller, collection_id: str, question: str, limit: int = 5) -> list[Hit]:
        """Return the passages that answer a question best, as a chatflow would find them.

        Raises:
            NotFound: the workspace has no such collection.
        """
        caller.require("documentStores:view")

        def work(tx: Transaction) -> list[Hit]:
            _get(tx, caller, collection_id)
            return tx.collections.search(caller.workspace_id, collection_id, question, limit)

        return await self._store.read(work)

    async def add_files(
        self,
        caller: Caller,
        collection_id: str,
        files: Iterable[tuple[str, bytes]],
        progress: Progress | None = None,
    ) -> ImportReport:
        """Parse files and add them, one by one; a file of the same source is replaced.

        A file that was imported before and has not changed is skipped. A file that cannot be taken does not
        keep the others out; when none can, nothing has changed and the reasons are raised.

        Raises:
            NotFound: the workspace has no such collection.
            InvalidInput: no file could be taken.
            TooLarge: there are too many files, or each that was sent is too large.
        """
        caller.require("documentStores:add-loader")

        def known(tx: Transaction) -> dict[str, str]:
            _get(tx, caller, collection_id)
            documents = tx.collections.documents(caller.workspace_id, collection_id)
            return {document.source: document.sha256 for document in documents}

        run = Import(
            store=self._store,
            parser=self._parser,
            clock=self._clock,
            limits=self._limits,
            caller=caller,
            collection_id=collection_id,
            known=await self._store.read(known),
            progress=progress,
        )
        return await run.take(files)


def _get(tx: Transaction, caller: Caller, collection_id: str) -> Collection:
    found = tx.collections.get(caller.workspace_id, collection_id)
    if found is None:
        raise NotFound("document store")
    return found


def _describe(found: Collection) -> dict[str, object]:
    return {"name": found.name, "description": found.description, "documents": found.documents}


def _record(
    tx: Transaction,
    caller: Caller,
    at: int,
    action: str,
    collection_id: str,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(
        tx,
        caller,
        at,
        action=action,
        subject=Subject.COLLECTION,
        subject_id=collection_id,
        version=at,
        before=before,
        after=after,
    )


def named_collection(tx: Transaction, workspace_id: str, collection: str) -> Collection | None:
    """Return the collection that is meant by an id, a name, or ``id:name``; None: there is none."""
    start, _, rest = collection.partition(":")
    return (
        tx.collections.get(workspace_id, collection)
        or tx.collections.find(workspace_id, collection)
        or tx.collections.get(workspace_id, start)
        or (tx.collections.find(workspace_id, rest) if rest else None)
    )
