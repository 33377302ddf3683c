"""The ZIP files that office documents are: looked at before anything unpacks them."""

import io
import zipfile
from typing import Final

from flowkeys.documents.refusals import Refused, TooMuch

UNPACKED: Final = 128 * 1024 * 1024
"""Bytes of all parts together. Parsing needs several times as much memory, and is limited there too."""
PARTS: Final = 10_000
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check(content: bytes, *, old: str) -> None:
    """Refuse what is no ZIP file, what is encrypted, and what unpacks to too much.

    Raises:
        Refused: it cannot be read; `old` says what to do with what older programs wrote.
        TooMuch: its parts are too many or too large.
    """
    if content.startswith(_OLD_OFFICE):
        raise Refused(f"It needs a password, or an old version of the program wrote it. {old}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if any(part.flag_bits & 1 for part in parts):
                raise Refused("It needs a password.")
            if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
                raise TooMuch("Its compressed parts are too large.")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in _start(archive, part):
                    raise Refused("It is damaged: its parts define entities, which no office program writes.")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise Refused("It is damaged and cannot be read.") from error


def _start(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    with archive.open(part) as stream:
        return stream.read(1024)
