"""Implements the port `FlowDrafts`: templates, and what the operator allows models to be."""

from flowkeys.domain.errors import FieldError
from flowkeys.flows.drafts import templates
from flowkeys.flows.models.access import Models
from flowkeys.service.ports.drafts import ModelSettings


class Drafts:
    """Writes graphs for short forms."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def credentials(self, workspace_id: str) -> tuple[str, ...]:
        """Return the names of the credentials that a workspace may name, sorted."""
        return self._models.credentials(workspace_id)

    def model_errors(self, workspace_id: str, model: ModelSettings) -> tuple[FieldError, ...]:
        """Return what keeps a model from being called."""
        errors = []
        if not model.name:
            errors.append(FieldError("model", "Give the model's name, as its provider writes it."))
        if not model.base_url and not model.credential:
            errors.append(FieldError("baseUrl", "Give the base URL, or choose a credential that has one."))
            return tuple(errors)
        target = self._models.target(model.base_url, model.credential or "", workspace_id)
        if isinstance(target, str):
            unknown = bool(model.credential) and model.credential not in self.credentials(workspace_id)
            errors.append(FieldError("credential" if unknown else "baseUrl", _sentence(target)))
        return tuple(errors)

    def documents(self, collection_id: str, model: ModelSettings | None) -> str:
        """Return a graph that answers from a collection."""
        return templates.documents_flow(collection_id, model=model)

    def chat(self, model: ModelSettings, system_prompt: str | None) -> str:
        """Return a graph in which a model answers."""
        return templates.openai_flow(model.base_url, model.name, model.credential, system_prompt)


def _sentence(text: str) -> str:
    if text.startswith("http"):  # an address that the operator has not listed
        return f"The address {text} They do so with the setting allowed_endpoints."
    return text[:1].upper() + text[1:]
