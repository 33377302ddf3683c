"""Passages for chatflows."""

from flowkeys.domain.documents.collection import Hit
from flowkeys.service.documents.collections import named_collection
from flowkeys.service.ports.store import Store, Transaction


class StoreRetriever:
    """Implements the port `Retriever` over the store's own search."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def search(self, workspace_id: str, collection: str, question: str, limit: int) -> list[Hit]:
        """Search a collection named by its id, its name, or as Flowise exports name them: ``id:name``."""

        def work(tx: Transaction) -> list[Hit]:
            found = named_collection(tx, workspace_id, collection)
            return tx.collections.search(workspace_id, found.id, question, limit) if found else []

        return await self._store.read(work)
