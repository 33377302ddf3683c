"""What of the settings chatflows need, and what they search."""

from typing import TYPE_CHECKING

from flowkeys.config.settings import Settings
from flowkeys.flows.settings import FlowSettings, ModelCredential

if TYPE_CHECKING:
    from flowkeys.service.documents.collections import DocumentLimits


def flow_settings(settings: Settings) -> FlowSettings:
    """Return what the operator allows chatflows to do."""
    credentials = tuple(
        ModelCredential(name, item.base_url, item.key()) for name, item in settings.credentials.items()
    )
    return FlowSettings(
        credentials=credentials,
        allowed_endpoints=settings.allowed_endpoints,
        python_targets=settings.python_flows,
        python_threads=settings.python_threads,
        variables=settings.variables,
        model_timeout_seconds=settings.model_silence_seconds,
        whole_answer_timeout_seconds=settings.model_answer_seconds,
        reserved_tokens=settings.reserved_tokens,
        run_steps=settings.run_steps,
    )


def document_limits(settings: Settings) -> "DocumentLimits":
    """Return how much the operator allows documents to be."""
    from flowkeys.service.documents.collections import DocumentLimits

    return DocumentLimits(
        file_bytes=settings.max_document_bytes,
        pages=settings.max_document_pages,
        documents=settings.max_documents,
    )
