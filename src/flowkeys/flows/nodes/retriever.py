"""`retrieverAgentflow`: finds passages in document collections.

As the answer itself (Start → Retriever → Direct Reply) its text is the best part of the best passage, and a
list of all sources. For other nodes, as a model's context, it is every passage in full, numbered, each with
its source.
"""

from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Any
from uuid import UUID

import msgspec

from flowkeys.domain.documents.collection import Hit
from flowkeys.flows.asking.sources import source_document
from flowkeys.flows.context import Run
from flowkeys.flows.excerpt import excerpt
from flowkeys.flows.graph.graph import Graph
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.registry import Build, Kind, Outcome, Step

NAME = "retrieverAgentflow"
MAX_PASSAGES = 50
_DIGITS = 9
_STORES = "retrieverKnowledgeDocumentStores"
NOTHING_FOUND = "Nothing was found in the documents about this."


class Retrieve(Step):
    """Searches each collection of the node, by its id and, where that finds nothing, by its name."""

    streams = True

    def __init__(
        self, build: Build, collections: tuple[tuple[str, ...], ...], query: Template, limit: int
    ) -> None:
        super().__init__(build.node)
        self._retriever = build.resources.retriever
        self._collections = collections
        self._query = query
        self._limit = limit
        self._as_json = build.text("outputFormat") == "textWithMetadata"
        self._updates = build.updates("retrieverUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Search, and say what was found."""
        query = self._query.render(run).strip() or run.question
        answers = [await self._search(run.call.workspace_id, names, query) for names in self._collections]
        ranked = chain.from_iterable(zip_longest(*answers))  # scores of two collections cannot be compared
        hits = [hit for hit in ranked if hit is not None][: self._limit]
        sources = [source_document(hit) for hit in hits]
        text = self._text(hits, sources, query, is_answer=run.is_answer)
        await run.say(text)
        run.sources.extend(sources)
        self.update(run, self._updates, text)
        return Outcome(
            input={"question": query}, output={"content": text, "sourceDocuments": sources}, text=text
        )

    def _text(self, hits: list[Hit], sources: list[dict[str, Any]], query: str, *, is_answer: bool) -> str:
        if self._as_json:
            return _as_json(sources)
        return reply(hits, query) if is_answer else quote(hits)

    async def _search(self, workspace_id: str, names: tuple[str, ...], query: str) -> list[Hit]:
        for name in names:
            hits = await self._retriever.search(workspace_id, name, query, self._limit)
            if hits:
                return hits
        return []


def quote(hits: list[Hit]) -> str:
    """Return passages as Markdown: numbered, quoted, with their sources; or that there are none."""
    if not hits:
        return NOTHING_FOUND
    return "\n\n".join(
        f"**[{number}] {hit.source}**{' — ' + hit.heading if hit.heading else ''}\n\n"
        + "\n".join(f"> {line}".rstrip() for line in hit.content.strip().splitlines())
        for number, hit in enumerate(hits, 1)
    )


def reply(hits: list[Hit], question: str) -> str:
    """Return an answer in Markdown: the best passage's best part, and where that and more was found."""
    if not hits:
        return NOTHING_FOUND
    places = dict.fromkeys(_place(hit) for hit in hits)
    listed = "\n".join(f"{number}. {place}" for number, place in enumerate(places, 1))
    return f"{excerpt(hits[0].content, question)}\n\n**Sources**\n\n{listed}"


def _place(hit: Hit) -> str:
    source = hit.source.replace("`", "'")
    return f"`{source}` — {' '.join(hit.heading.split())}" if hit.heading else f"`{source}`"


def _as_json(sources: list[dict[str, Any]]) -> str:
    return msgspec.json.format(msgspec.json.encode(sources), indent=2).decode()


def _build(build: Build) -> Step:
    collections = []
    for row in build.rows(_STORES):
        chosen = row.get("documentStore")
        if isinstance(chosen, str) and chosen:
            collections.append(_names(chosen))
    if not collections:
        build.problem("no document collection is chosen.")
    if (form := build.text("outputFormat", "text")) not in {"text", "textWithMetadata"}:
        build.problem(f"the output format {form!r} is not supported.")
    limit = build.inputs.get("topK") or build.resources.settings.passages
    given = str(limit) if isinstance(limit, int | str) else ""
    if not given.isdecimal() or len(given) > _DIGITS or not 1 <= int(given) <= MAX_PASSAGES:
        build.problem(f"topK has to be a number from 1 to {MAX_PASSAGES}.")
        given = "1"
    return Retrieve(build, tuple(collections), build.template(build.text("retrieverQuery")), int(given))


def named_collections(graph: Graph) -> frozenset[str]:
    """Return the collections that a flow's retrievers name, as they are written there."""
    return frozenset(
        str(row["documentStore"])
        for node in graph.nodes
        if node.kind == NAME
        for row in _rows(node.inputs.get(_STORES))
        if isinstance(row, Mapping) and isinstance(row.get("documentStore"), str) and row["documentStore"]
    )


def _rows(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return []
    return value if isinstance(value, list) else []


def _names(chosen: str) -> tuple[str, ...]:
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


KIND = Kind(NAME, _build)
