"""Writing the graphs of chatflows that people make by filling in a short form."""

from typing import Protocol

import msgspec

from flowkeys.domain.errors import FieldError


class ModelSettings(msgspec.Struct, frozen=True):
    """A model behind an OpenAI-compatible endpoint: where it is, its name, and its credential's name."""

    base_url: str
    name: str
    credential: str | None = None


class FlowDrafts(Protocol):
    """Writes ``flowData`` as Flowise would export it, and knows which models this server may call."""

    def credentials(self, workspace_id: str) -> tuple[str, ...]:
        """Return the names of the credentials that a workspace may name, sorted; nothing else of them."""
        ...

    def model_errors(self, workspace_id: str, model: ModelSettings) -> tuple[FieldError, ...]:
        """Return what keeps a model from being called, naming ``baseUrl``, ``model`` or ``credential``."""
        ...

    def documents(self, collection_id: str, model: ModelSettings | None) -> str:
        """Return a graph that answers from a collection: by a model, or without one by quoting it."""
        ...

    def chat(self, model: ModelSettings, system_prompt: str | None) -> str:
        """Return a graph in which a model answers."""
        ...
