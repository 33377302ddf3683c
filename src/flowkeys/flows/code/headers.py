"""The headers of calls: which may be sent, and what of them is not to be heard again."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from flowkeys.flows.code.wire import CallRefused

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_OURS: Final = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"),
        *("proxy-authorization", "proxy-connection", "transfer-encoding", "upgrade"),
    }
)
"""Headers that are about the connection: code does not set them."""
_NO_WORD: Final = 8


def checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are sent, their names in small letters.

    Raises:
        CallRefused: one of them cannot be sent.
    """
    for name, value in headers.items():
        if not may_be_sent({name: value}):
            raise CallRefused(f"the header {name[:100]!r} cannot be sent.")
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _OURS}


def forms(secret: Mapping[str, str]) -> Iterator[bytes]:
    """Yield what is not to be heard again of headers; what is short could be any word."""
    for value in secret.values():
        scheme, _, rest = value.partition(" ")
        shapes = [value, rest]
        if scheme == "Basic":
            with suppress(ValueError):  # a key of another kind may begin so too
                shapes.append(b64decode(rest).decode().partition(":")[2])
        yield from (shape.encode() for shape in shapes if len(shape) >= _NO_WORD)


def may_be_sent(headers: Mapping[str, str]) -> bool:
    """Tell whether each of these is a header."""
    return all(
        _NAME.fullmatch(name) is not None and not any(ord(sign) < 32 and sign != "\t" for sign in value)  # noqa: PLR2004
        for name, value in headers.items()
    )
