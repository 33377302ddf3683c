"""The chatflows: which cannot run, and which anyone may call. None is run, and nothing is imported."""

from collections.abc import Iterator
from typing import Final

from flowkeys.cli.doctor.finding import Finding, fail, ok, warn
from flowkeys.cli.streams import printable
from flowkeys.config import Settings
from flowkeys.config.flows import flow_settings
from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.documents.collection import Hit
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.listing import ChatflowQuery
from flowkeys.flows.engine import Engine
from flowkeys.storage.transaction import Tables

_PART: Final = 500


class _NoDocuments:
    """Stands in for the search, which a check never asks."""

    async def search(self, workspace_id: str, collection: str, question: str, limit: int) -> list[Hit]:
        """Find nothing."""
        del workspace_id, collection, question, limit
        return []


def check_chatflows(settings: Settings, tables: Tables) -> Iterator[Finding]:
    """Look at the chatflows of all workspaces."""
    try:
        engine = Engine(flow_settings(settings), _NoDocuments())
    except ConfigurationError as error:
        yield fail("chatflows", str(error), "Correct it in config.toml or the environment.")
        return
    runnable = 0
    for chatflow in _all(tables):
        checked = engine.check(chatflow)
        runnable += checked.runnable
        name = f"{printable(chatflow.name)!r} ({chatflow.id})"
        if not checked.runnable:
            kinds = [f"node kinds that are missing: {', '.join(checked.missing_kinds)}"]
            why = "; ".join([*(kinds if checked.missing_kinds else []), *checked.problems])
            advice = "Change the chatflow, or allow what it needs in config.toml."
            yield warn("chatflows", f"{name} cannot run: {why}", advice)
        if chatflow.is_public:
            advice = f"If not meant: flowkeys flows update {chatflow.id} --closed"
            yield warn("chatflows", f"{name} is public: anyone may call it, without a key.", advice)
    yield ok("chatflows", f"{runnable} can run")


def _all(tables: Tables) -> Iterator[Chatflow]:
    for workspace in tables.workspaces.all():
        offset = 0
        while True:
            query = ChatflowQuery(workspace_id=workspace.id, limit=_PART, offset=offset)
            items = tables.chatflows.page(query).items
            yield from items
            if len(items) < _PART:
                break
            offset += _PART
