"""The events of a prediction stream, byte for byte as Flowise's clients need them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

COMMENT: Final = b": still here\n\n"
"""Sent when nothing else is, so that proxies keep the connection open."""

_encoder = msgspec.json.Encoder()

_TOKEN: Final = b'message:\ndata:{"event":"token","data":"'
_AFTER: Final = b'"}\n\n'
_BETWEEN: Final = _AFTER + _TOKEN


def encode(name: str, data: Any, **more: Any) -> bytes:
    """Return one record: ``message:`` newline ``data:`` one JSON object, blank line.

    A Flowise SDK deletes every ``data:`` that it finds in a line, so inside the JSON the colon is escaped.
    ``data:`` can stand there only within a string, where the escape means the same.
    """
    text = _encoder.encode({"event": name, "data": data, **more})
    return b"message:\ndata:" + text.replace(b"data:", b"data\\u003a") + b"\n\n"


def encode_tokens(pieces: Sequence[str]) -> bytes:
    """Return a ``token`` record for each piece."""
    texts = _encoder.encode(pieces)[2:-2]
    if texts.count(b'"') != 2 * len(pieces) - 2:  # a quote in it may make a piece look like two
        return b"".join(encode("token", piece) for piece in pieces)
    return _TOKEN + texts.replace(b"data:", b"data\\u003a").replace(b'","', _BETWEEN) + _AFTER
