"""Passages of documents as answers show them."""

from typing import Any

from flowkeys.domain.documents.collection import Hit


def source_document(hit: Hit) -> dict[str, Any]:
    """Return a passage in LangChain's and Flowise's shape."""
    return {
        "pageContent": hit.content,
        "metadata": {
            "source": hit.source,
            "heading": hit.heading,
            "documentId": hit.document_id,
            "position": hit.position,
            "score": hit.score,
        },
    }
