"""Forms with files: read with their own limit, and read to the end when they are too large."""

import asyncio
from typing import Final

from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.sizes import size

_LEFT_SECONDS: Final = 20.0
_LEFT_BYTES: Final = 1024 * 1024 * 1024

Errors = dict[str, str]
"""What is wrong, in words, by the name of the form's field."""


async def read_files_form(call: PageCall, field: str, *, max_bytes: int, advice: str) -> Form:
    """Return the form in the body.

    Raises:
        TooLarge: what was sent is larger than `max_bytes`; the message ends with `advice`.
        InvalidInput: naming `field`: the form cannot be read.
    """
    try:
        return await call.form(max_bytes=max_bytes)
    except TooLarge:
        await _read_to_the_end(call)
        raise TooLarge(f"This is more than {size(max_bytes)}. {advice}") from None
    except InvalidInput as error:
        raise InvalidInput.of(field, error.errors[0].message) from None


def by_field(error: InvalidInput | TooLarge, field: str) -> Errors:
    """Return what is wrong by field; `field` is the one that is too large."""
    if isinstance(error, TooLarge):
        return {field: str(error)}
    found: Errors = {}
    for item in error.errors:
        found[item.field] = f"{found[item.field]} {item.message}" if item.field in found else item.message
    return found


async def _read_to_the_end(call: PageCall) -> None:
    """Let a browser send the rest: one that is cut off shows that the connection broke, and not our words."""
    left = _LEFT_BYTES
    try:
        async with asyncio.timeout(_LEFT_SECONDS):
            while left > 0:
                message = await call.receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
    except TimeoutError:
        return
