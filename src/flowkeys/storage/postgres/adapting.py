"""How values go to the database and come back: numbers as they are, texts as what they are compared with."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrDumperUnknown

_NUL = "\0"
INSTEAD_OF_NUL = "\ufffd"
"""PostgreSQL keeps no NUL in texts: it stands for one, as HTML has it."""


class _Text(StrDumperUnknown):
    """A text, of whichever type it is compared with or stored in."""

    def dump(self, obj: str) -> Buffer | None:
        """Return its bytes."""
        return super().dump(obj.replace(_NUL, INSTEAD_OF_NUL) if _NUL in obj else obj)


class _Whole(Loader):
    """Sums of whole numbers, which PostgreSQL has as ``numeric``."""

    def load(self, data: Buffer) -> Any:
        """Return the number."""
        text = bytes(data)
        return int(text) if b"." not in text else float(text)


def adapt(connection: psycopg.Connection[Any]) -> None:
    """Have a connection use them.

    Each number is sent as one of 64 bits: by their sizes they would be several statements to prepare.
    """
    adapters = connection.adapters
    adapters.register_dumper(int, Int8BinaryDumper)
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("numeric", _Whole)


def array(values: Sequence[Any]) -> str:
    """Return values of one column as the database writes an array: numbers, truth values, texts or bytes."""
    return "{" + ",".join(map(_member, values)) + "}"


def _member(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace(_NUL, INSTEAD_OF_NUL) + '"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    return str(value)
