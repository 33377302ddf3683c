"""Document collections (Flowise's document stores): what a retriever searches."""

import msgspec


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of documents in a workspace."""

    id: str
    workspace_id: str
    name: str
    description: str | None
    created_at: int
    updated_at: int
    documents: int = 0
    passages: int = 0


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One imported file. Its text is kept as passages."""

    id: str
    workspace_id: str
    collection_id: str
    source: str
    """The path relative to the imported folder, or the uploaded file's name; never a server's path."""
    media_type: str
    size_bytes: int
    sha256: str
    created_at: int
    passages: int = 0


class Passage(msgspec.Struct, frozen=True):
    """A piece of a document as the splitter makes it."""

    heading: str
    """The headings above it, joined with `` > ``; empty when there are none."""
    content: str


class Hit(msgspec.Struct, frozen=True):
    """A passage that answers a question, best first in a list of them."""

    source: str
    heading: str
    content: str
    score: float
    """Higher is better; comparable within one answer only."""
    document_id: str
    position: int


class ParsedDocument(msgspec.Struct, frozen=True):
    """A file as the parsers return it: ready to be stored."""

    source: str
    media_type: str
    size_bytes: int
    sha256: str
    passages: tuple[Passage, ...]
