"""Uploads: multipart forms, with a limit on what is read."""

import re
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.web.requests.body import require_identity
from flowkeys.web.requests.raw_body import next_part

FIELD = "files"
_BOUNDARY: Final = re.compile(r"""\bboundary=("[^"]*"|[^;\s]+)""", re.IGNORECASE)


async def read_files(request: Request, *, max_bytes: int, max_files: int) -> list[tuple[str, bytes]]:
    """Return the files of a multipart form as (name, content), named as they were sent.

    Raises:
        InvalidInput: it is no such form, or it has no files.
        TooLarge: it is larger than `max_bytes`.
        ClientGone: the client went away before it was complete.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput.of(FIELD, "Send the files as multipart/form-data, each in a field named files.")
    source = readable(request, max_bytes)
    try:
        async with source.form(max_files=max_files, max_fields=10) as form:
            found = [item for item in form.getlist(FIELD) if isinstance(item, UploadFile)]
            files = [(item.filename or "", await item.read()) for item in found]
    except HTTPException as error:
        raise InvalidInput.of(FIELD, f"The form cannot be read: {error.detail}") from None
    if not files:
        raise InvalidInput.of(FIELD, "Send at least one file, in a field named files.")
    return files


def readable(request: Request, max_bytes: int) -> Request:
    """Return a request whose form can be read: limited in size, and as UTF-8 whatever it says of itself.

    Some of the codecs that a client could name are slow enough to stop a server, and others raise.

    Raises:
        Refused: its body is encoded.
    """
    require_identity(request.scope["headers"])
    kept = [item for item in request.scope["headers"] if item[0] != b"content-type"]
    sent = request.headers.get("content-type", "")
    boundary = _BOUNDARY.search(sent)
    kind = sent.partition(";")[0] + (f"; {boundary[0]}" if boundary else "")
    headers = [*kept, (b"content-type", kind.encode("latin-1"))]
    return Request({**request.scope, "headers": headers}, _limited(request.receive, max_bytes))


def _limited(receive: Receive, max_bytes: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await next_part(receive)
        seen += len(message.get("body", b""))
        if seen > max_bytes:
            raise TooLarge(f"The upload is larger than {max_bytes} bytes (FLOWKEYS_MAX_UPLOAD_BYTES).")
        return message

    return counted
