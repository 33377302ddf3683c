"""Document collections on the wire, under Flowise's name for them."""

from pydantic import Field

from flowkeys.web.schemas.problem import FieldErrorOut
from flowkeys.web.schemas.wire import In, Out


class DocumentStoreIn(In):
    """A collection to be made."""

    name: str = Field(description="1 to 100 characters.", examples=["Handbook"])
    description: str | None = None


class DocumentStoreOut(Out):
    """A collection of documents."""

    id: str
    name: str
    description: str | None
    documents: int
    passages: int
    created_date: str
    updated_date: str
    workspace_id: str


class DocumentOut(Out):
    """A document of a collection."""

    id: str
    source: str
    media_type: str
    size_bytes: int
    sha256: str
    passages: int
    created_date: str


class ImportOut(Out):
    """What became of the uploaded files."""

    added: int
    replaced: int
    unchanged: int
    passages: int
    refused: list[FieldErrorOut] = Field(description="Files that were not taken, and why.")
