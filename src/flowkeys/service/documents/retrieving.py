"""Passages for chatflows."""

from flowkeys.domain.documents.collection import Hit
from flowkeys.service.ports.store import Store, Transaction


class StoreRetriever:
    """Implements the port `Retriever` over the store's own search."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def search(self, workspace_id: str, collection: str, question: str, limit: int) -> list[Hit]:
        """Search a collection named by its id, its name, or as Flowise exports name them: ``id:name``."""

        def work(tx: Transaction) -> list[Hit]:
            start, _, rest = collection.partition(":")
            collections = tx.collections
            found = (
                collections.get(workspace_id, collection)
                or collections.find(workspace_id, collection)
                or collections.get(workspace_id, start)
                or (collections.find(workspace_id, rest) if rest else None)
            )
            return collections.search(workspace_id, found.id, question, limit) if found else []

        return await self._store.read(work)
