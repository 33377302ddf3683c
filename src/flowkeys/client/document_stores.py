"""Calls about collections, which the wire calls document stores."""

from collections.abc import Iterable
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Final

from msgspec import UNSET, field

from flowkeys.client.call import Call, Listing, Ref, as_listing, as_type, given, nothing, path
from flowkeys.client.models import Wire
from flowkeys.domain.errors import FieldError

File = str | PathLike[str] | tuple[str, bytes]
"""The path of a file on this machine, or a name and the content itself."""


class Collection(Wire, frozen=True, kw_only=True):
    """A document store: what a retriever node searches."""

    id: str
    name: str
    description: str | None = None
    documents: int = 0
    passages: int = 0
    created_at: datetime | None = field(name="createdDate", default=None)
    updated_at: datetime | None = field(name="updatedDate", default=None)


class Document(Wire, frozen=True, kw_only=True):
    """One file of a collection."""

    id: str
    source: str
    media_type: str | None = None
    size_bytes: int | None = None
    passages: int = 0
    sha256: str | None = None
    created_at: datetime | None = field(name="createdDate", default=None)


class UploadReport(Wire, frozen=True, kw_only=True):
    """What became of uploaded files. A file of a name that was there already replaces it."""

    added: int
    replaced: int = 0
    unchanged: int = 0
    passages: int = 0
    refused: list[FieldError] = field(default_factory=list)
    """The files that were not taken, by name, and why."""


_ROOT: Final = "document-stores"
_COLLECTION: Final = as_type(Collection)
_COLLECTIONS: Final = as_listing(list[Collection])
_DOCUMENTS: Final = as_listing(list[Document])
_REPORT: Final = as_type(UploadReport)


def create(name: str, description: str | None = None) -> Call[Collection]:
    """Create an empty collection."""
    body = given(name=name, description=UNSET if description is None else description)
    return Call(method="POST", path=path(_ROOT), body=body, decode=_COLLECTION, repeatable=False)


def every() -> Call[Listing[Collection]]:
    """Iterate over all collections."""
    return Call(method="GET", path=path(_ROOT), decode=_COLLECTIONS)


def get(collection: Ref) -> Call[Collection]:
    """Return one collection."""
    return Call(method="GET", path=path(_ROOT, collection), decode=_COLLECTION)


def delete(collection: Ref) -> Call[None]:
    """Delete a collection and its documents."""
    return Call(method="DELETE", path=path(_ROOT, collection), decode=nothing)


def upload(collection: Ref, files: Iterable[File]) -> Call[UploadReport]:
    """Add files to a collection. They are read into memory, and only their names are sent with them.

    A file that the server cannot take is in `refused` of the report, and the others are taken.

    Raises:
        TypeError: `files` is one path, not several.
    """
    if isinstance(files, str | bytes | PathLike):
        raise TypeError("files must be a list of files; wrap a single one in [ ].")
    parts = [("files", _part(file)) for file in files]
    return Call(
        method="POST",
        path=path(_ROOT, collection, "documents"),
        files=parts,
        decode=_REPORT,
        repeatable=False,
    )


def documents(collection: Ref) -> Call[Listing[Document]]:
    """Iterate over the documents of a collection."""
    return Call(method="GET", path=path(_ROOT, collection, "documents"), decode=_DOCUMENTS)


def delete_document(collection: Ref, document: Ref) -> Call[None]:
    """Delete one document and its passages."""
    return Call(method="DELETE", path=path(_ROOT, collection, "documents", document), decode=nothing)


def _part(file: File) -> tuple[str, bytes]:
    if isinstance(file, tuple):
        return file
    source = Path(file)
    return source.name, source.read_bytes()
