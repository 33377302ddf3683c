"""Forms with files: read with their own limit, and read to the end when they are too large."""

import asyncio
import contextlib
from typing import Final

from starlette.requests import Request
from starlette.types import Message, Receive

from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.web.pages.call import FORM_BYTES, PageCall
from flowkeys.web.pages.form import Form, read
from flowkeys.web.pages.words import size
from flowkeys.web.requests.raw_body import next_part

_LEFT_SECONDS: Final = 20.0
_LEFT_BYTES: Final = 1024 * 1024 * 1024

Errors = dict[str, str]
"""What is wrong, in words, by the name of the form's field."""


async def read_files_form(
    call: PageCall, field: str, *, most: int, advice: str, room: int = FORM_BYTES
) -> Form:
    """Return the form in the body.

    Raises:
        Forbidden: while it was read, the permission to send it was taken away.
        Refused: while it was read, the sign-in ended.
        TooLarge: it is larger than `most` bytes of files and `room` bytes for the rest of the form;
            the message names the first and ends with `advice`.
        InvalidInput: naming `field`: the form cannot be read.
        ClientGone: the client went away before it was complete.
    """
    body = _Body(call.receive)
    try:
        form = await read(Request(call.scope, body.receive), max_bytes=most + room)
    except TooLarge:
        await body.read_to_the_end()
        await call.look_again()
        raise TooLarge(f"This is more than {size(most)}. {advice}") from None
    except InvalidInput as error:
        await call.look_again()
        raise InvalidInput.of(field, error.errors[0].message) from None
    await call.look_again()
    return form


def by_field(error: InvalidInput | TooLarge, field: str) -> Errors:
    """Return what is wrong by field; `field` is the one that is too large."""
    if isinstance(error, TooLarge):
        return {field: str(error)}
    found: Errors = {}
    for item in error.errors:
        found[item.field] = f"{found[item.field]} {item.message}" if item.field in found else item.message
    return found


class _Body:
    """A body that can be read to its end after it was refused.

    A browser that is cut off while it sends shows that the connection broke, and not our words.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def receive(self) -> Message:
        """Return the next part."""
        message = await next_part(self._receive)
        self._ended = not message.get("more_body", False)
        return message

    async def read_to_the_end(self) -> None:
        """Take in what is left, within reason."""
        left = _LEFT_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEFT_SECONDS):
                while left > 0 and not self._ended:
                    left -= len((await self.receive()).get("body", b""))
