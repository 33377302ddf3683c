"""What a form sent: texts, choices and files, read with limits."""

from typing import Final

import msgspec
from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from flowkeys.domain.errors import InvalidInput
from flowkeys.web.requests.upload import readable

MAX_FIELDS: Final = 5000
MAX_FILES: Final = 1000
_KINDS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class Form(msgspec.Struct, frozen=True):
    """The fields of a form by their names."""

    values: dict[str, list[str]] = {}
    files: dict[str, list[tuple[str, bytes]]] = {}
    """(name as it was sent, content); fields in which no file was chosen are left out."""

    def text(self, name: str, otherwise: str = "") -> str:
        """Return the first value of a field, its line ends as one character."""
        found = self.values.get(name)
        return found[0].replace("\r\n", "\n") if found else otherwise

    def all(self, name: str) -> list[str]:
        """Return every value of a field, each once, in order."""
        return list(dict.fromkeys(self.values.get(name, ())))

    def has(self, name: str) -> bool:
        """Tell whether a field was sent: a box that is ticked, a button that was pressed."""
        return name in self.values


async def read(request: Request, *, max_bytes: int) -> Form:
    """Return the form in a request's body.

    Raises:
        InvalidInput: the body is no form, or has too many fields.
        TooLarge: it is larger than `max_bytes`.
        ClientGone: the client went away before it was complete.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise InvalidInput.of("form", "Send this as a form.")
    source = readable(request, max_bytes)
    values: dict[str, list[str]] = {}
    files: dict[str, list[tuple[str, bytes]]] = {}
    try:
        async with source.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=max_bytes) as sent:
            for name, value in sent.multi_items():
                if not isinstance(value, UploadFile):
                    values.setdefault(name, []).append(value)
                elif value.filename:
                    files.setdefault(name, []).append((value.filename, await value.read()))
    except HTTPException as error:
        raise InvalidInput.of("form", f"The form cannot be read: {error.detail}") from None
    except UnicodeError:
        raise InvalidInput.of("form", "The form cannot be read: send it as UTF-8.") from None
    if sum(map(len, values.values())) > MAX_FIELDS:
        raise InvalidInput.of("form", f"The form has more than {MAX_FIELDS} fields.")
    return Form(values, files)
