"""Uploads: multipart forms, with a limit on what is read."""

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from flowkeys.domain.errors import InvalidInput, TooLarge

FIELD = "files"


async def read_files(request: Request, *, max_bytes: int, max_files: int) -> list[tuple[str, bytes]]:
    """Return the files of a multipart form as (name, content), named as they were sent.

    Raises:
        InvalidInput: it is no such form, or it has no files.
        TooLarge: it is larger than `max_bytes`.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput.of(FIELD, "Send the files as multipart/form-data, each in a field named files.")
    source = Request(request.scope, limited(request.receive, max_bytes))
    try:
        async with source.form(max_files=max_files, max_fields=10) as form:
            found = [item for item in form.getlist(FIELD) if isinstance(item, UploadFile)]
            files = [(item.filename or "", await item.read()) for item in found]
    except HTTPException as error:
        raise InvalidInput.of(FIELD, f"The form cannot be read: {error.detail}") from None
    if not files:
        raise InvalidInput.of(FIELD, "Send at least one file, in a field named files.")
    return files


def limited(receive: Receive, max_bytes: int) -> Receive:
    """Return `receive`, which raises `TooLarge` once more than `max_bytes` have come."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > max_bytes:
            raise TooLarge(f"The upload is larger than {max_bytes} bytes (FLOWKEYS_MAX_UPLOAD_BYTES).")
        return message

    return counted
