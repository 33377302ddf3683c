"""Collections of documents as tools of an agent: the model looks up what it wants to know."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from flowkeys.domain.documents.collection import Hit
from flowkeys.flows.context import Run
from flowkeys.flows.registry import Build
from flowkeys.flows.tools.tool import MISMATCH, ToolFailed, takes
from flowkeys.service.ports.flows import Retriever

INPUT: Final = "agentKnowledgeDocumentStores"
_UNFIT: Final = re.compile(r"[^a-z0-9_-]")
_NAME_CHARACTERS: Final = 64


class Knowledge:
    """A collection that a model searches. It satisfies `Tool`."""

    kind = "retrieverTool"
    label = "Retriever Tool"
    return_direct = False
    schema: Mapping[str, Any] = takes(
        {"input": {"type": "string", "description": "input to look up in retriever"}}, ["input"]
    )

    def __init__(
        self, retriever: Retriever, names: tuple[str, ...], description: str, limit: int, *, sources: bool
    ) -> None:
        """`names` are those to search by, the last one what it is called; `sources`: answers show them."""
        self._retriever = retriever
        self._names = names
        self._limit = limit
        self.name = tool_name(names[-1])
        self.description = description
        self.shows_sources = sources

    async def search(self, run: Run, arguments: Mapping[str, Any]) -> list[Hit]:
        """Return what is found.

        Raises:
            ToolFailed: it was not told what to look up.
        """
        question = arguments.get("input")
        if not isinstance(question, str):
            raise ToolFailed(MISMATCH)
        return await search(self._retriever, run.call.workspace_id, self._names, question, self._limit)

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:
        """Return the passages that are found, in full."""
        return passages(await self.search(run, arguments))


async def search(
    retriever: Retriever, workspace_id: str, names: tuple[str, ...], question: str, limit: int
) -> list[Hit]:
    """Search a collection by its id and, where that finds nothing, by its name."""
    for name in names:
        hits = await retriever.search(workspace_id, name, question, limit)
        if hits:
            return hits
    return []


def collection_names(chosen: str) -> tuple[str, ...]:
    """Return the names to search by: Flowise writes ``id:name``, and the id of another server is not ours."""
    store_id, colon, name = chosen.partition(":")
    if colon and name and _is_uuid(store_id):
        return (store_id, name)
    return (chosen,)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def passages(hits: list[Hit]) -> str:
    """Return passages as a model reads them."""
    return "\n\n".join(hit.content for hit in hits)


def tool_name(name: str) -> str:
    """Return what models call a collection."""
    return _UNFIT.sub("", name.lower().replace(" ", "_"))[:_NAME_CHARACTERS] or "documents"


def read_knowledge(build: Build) -> list[Knowledge]:
    """Return the collections that an agent may search."""
    found = []
    settings = build.resources.settings
    for row in build.rows(INPUT):
        chosen = row.get("documentStore")
        if not isinstance(chosen, str) or not chosen:
            continue
        names = collection_names(str(chosen))
        description = row.get("docStoreDescription")
        found.append(
            Knowledge(
                build.resources.retriever,
                names,
                str(description) if isinstance(description, str) else "",
                settings.passages,
                sources=row.get("returnSourceDocuments") in {True, "true"},
            )
        )
    return found
