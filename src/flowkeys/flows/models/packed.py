"""Answers that come packed, which nobody asked for: unpacked a little at a time."""

import zlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.reply import BROKEN_OFF

ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
"""Those that are read (RFC 9110 section 8.4.1)."""
_STEP_BYTES: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
"""How each part of what is packed with gzip begins; an answer may be several."""


class Packed:
    """Unpacks what `receive` returns."""

    __slots__ = ("_has_begun", "_left", "_limit", "_receive", "_rest", "_unpacker")

    def __init__(self, receive: Callable[[], Awaitable[bytes]], limit: int) -> None:
        """`limit` is how many bytes are unpacked at most: they may be nothing in the end, without an end."""
        self._receive = receive
        self._limit = limit
        self._left = limit
        self._unpacker: Any = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever it is
        self._has_begun = False
        self._rest = b""
        """What was received and has not been unpacked."""

    async def read(self) -> bytes:
        """Return the next bytes unpacked, few at a time, however much they are packed; none at the end.

        What stands behind the end and begins no other part (RFC 1952 section 2.2) is not read.

        Raises:
            ModelError: they are badly packed, or too many.
        """
        while True:
            packed = self._rest or await self._received()
            if self._unpacker.eof:
                if not (packed and _GZIP.startswith(packed[: len(_GZIP)])):
                    return b""
                self._unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            try:
                data: bytes = self._unpack(packed) if packed else self._unpacker.flush()
            except zlib.error as error:
                raise ModelError(BROKEN_OFF, reason=f"unpacking it: {error}") from error
            if data or not packed:
                return data

    async def _received(self) -> bytes:
        packed = await self._receive()
        self._left -= len(packed)
        if self._left < 0:
            raise too_long(self._limit)
        return packed

    def _unpack(self, packed: bytes) -> bytes:
        try:
            data: bytes = self._unpacker.decompress(packed, _STEP_BYTES)
        except zlib.error:
            if self._has_begun:
                raise
            self._unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)  # deflate as many misread it: bare
            data = self._unpacker.decompress(packed, _STEP_BYTES)
        self._has_begun = True
        self._rest = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail
        return data


def too_long(limit: int) -> ModelError:
    """Return the failure of an answer with more bytes than are read."""
    return ModelError(f"the model's answer is longer than {limit:,} bytes.")
