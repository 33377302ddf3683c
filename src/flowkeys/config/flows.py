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
        mcp_servers=settings.mcp_servers,
        python_targets=settings.python_flows,
        python_threads=settings.python_threads,
        variables=settings.variables,
        model_timeout_seconds=settings.model_silence_seconds,
        whole_answer_timeout_seconds=settings.model_answer_seconds,
        reserved_tokens=settings.reserved_tokens,
        run_steps=settings.run_steps,
        run_depth=settings.run_depth,
        run_seconds=settings.run_seconds,
        run_bytes=settings.run_bytes,
        run_calls=settings.run_calls,
        code_nodes=settings.code_nodes,
        code_seconds=settings.code_seconds,
        code_timeout_seconds=settings.code_timeout_seconds,
        code_memory_bytes=settings.code_memory_mb << 20,
        code_output_bytes=settings.code_output_bytes,
        code_calls=settings.code_calls,
        code_processes=settings.code_processes,
    )


def document_limits(settings: Settings) -> "DocumentLimits":
    """Return how much the operator allows documents to be."""
    from flowkeys.service.documents.collections import DocumentLimits

    return DocumentLimits(
        file_bytes=settings.max_document_bytes,
        pages=settings.max_document_pages,
        documents=settings.max_documents,
    )
