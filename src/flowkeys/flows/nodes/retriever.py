"""`retrieverAgentflow`: finds passages in document collections.

Flowise's formats are the bare words or JSON of the passages, of the last collection alone. Ours is for people
and models. As the answer itself (Start → Retriever → Direct Reply) its text is the best part of the best
passage, and a list of all sources. For other nodes, as a model's context, it is every passage in full,
numbered, each with its source.
"""

from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Any

import msgspec

from flowkeys.domain.documents.collection import Hit
from flowkeys.flows.asking.knowledge import INPUT, collection_names, search
from flowkeys.flows.asking.sources import source_document
from flowkeys.flows.asking.structured import printed
from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import Graph
from flowkeys.flows.graph.variables import Template
from flowkeys.flows.nodes.excerpt import excerpt
from flowkeys.flows.registry import Build, Kind, Outcome, Step

NAME = "retrieverAgentflow"
PASSAGES = "passages"
"""Our own output: quoted, with their sources. Flowise's are ``text``, the bare words, and this:"""
WITH_METADATA = "textWithMetadata"
MAX_PASSAGES = 50
_DIGITS = 9
_STORES = "retrieverKnowledgeDocumentStores"
_NAMES = {NAME: _STORES, "agentAgentflow": INPUT}
NOTHING_FOUND = "Nothing was found in the documents about this."


class Retrieve(Step):
    """Searches the collections of the node."""

    streams = True

    def __init__(
        self, build: Build, collections: tuple[tuple[str, ...], ...], query: Template, limit: int, form: str
    ) -> None:
        super().__init__(build.node)
        self._retriever = build.resources.retriever
        self._collections = collections
        self._query = query
        self._limit = limit
        self._form = form
        self._updates = build.updates("retrieverUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Search, and say what was found."""
        query = self._query.render(run).strip() or run.question
        workspace_id = run.call.workspace_id
        answers = [
            await search(self._retriever, workspace_id, names, query, self._limit)
            for names in self._collections
        ]
        output: dict[str, Any] = {}
        if self._form == PASSAGES:
            ranked = chain.from_iterable(zip_longest(*answers))  # scores of two cannot be compared
            hits = [hit for hit in ranked if hit is not None][: self._limit]
            output["sourceDocuments"] = [source_document(hit) for hit in hits]
            run.sources.extend(output["sourceDocuments"])
            text = reply(hits, query) if run.is_answer else quote(hits)
        else:
            hits = answers[-1] if answers else []  # of several stores Flowise keeps the last one's
            text = _as_json(hits) if self._form == WITH_METADATA else "\n".join(hit.content for hit in hits)
        await run.say(text)
        self.update(run, self._updates, text)
        return Outcome(input={"question": query}, output={"content": text, **output}, text=text)


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


def _as_json(hits: list[Hit]) -> str:
    return printed([source_document(hit) for hit in hits])


def _build(build: Build) -> Step:
    collections = []
    for row in build.rows(_STORES):
        chosen = row.get("documentStore")
        if isinstance(chosen, str) and chosen:
            collections.append(collection_names(chosen))
    form = build.text("outputFormat", PASSAGES)
    if not collections and form == PASSAGES:
        build.problem("no document collection is chosen.")
    if form not in {PASSAGES, "text", WITH_METADATA}:
        build.problem(f"there is no output format {form!r}.")
    limit = build.inputs.get("topK") or build.resources.settings.passages
    given = str(limit) if isinstance(limit, int | str) else ""
    if not given.isdecimal() or len(given) > _DIGITS or not 1 <= int(given) <= MAX_PASSAGES:
        build.problem(f"topK has to be a number from 1 to {MAX_PASSAGES}.")
        given = "1"
    query = build.template(build.text("retrieverQuery"))
    return Retrieve(build, tuple(collections), query, int(given), form)


def named_collections(graph: Graph) -> frozenset[str]:
    """Return the collections that a flow's retrievers and agents name, as they are written there."""
    return frozenset(
        str(row["documentStore"])
        for node in graph.nodes
        for row in _rows(node.inputs.get(_NAMES.get(node.kind, "")))
        if isinstance(row, Mapping) and isinstance(row.get("documentStore"), str) and row["documentStore"]
    )


def _rows(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return []
    return value if isinstance(value, list) else []


KIND = Kind(NAME, _build)
