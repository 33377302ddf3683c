"""What is said of a backup, in a file beside it."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from flowkeys.domain.errors import ConfigurationError

Progress = Callable[[str, int, int], None]
"""Is told what is done now, how much of it is done, and how much there is."""

_CHUNK: Final = 1 << 20


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a backup is. Nothing in it is secret."""

    made_at: str
    """When; what was committed before is in it."""
    version: str
    """Of flowkeys."""
    revision: str
    """Of the schema."""
    keys: int
    audit_head: str | None
    """Where the audit log ended, as `flowkeys audit head` prints it; None: it had no row."""
    secret_ids: tuple[str, ...]
    """Under which secrets keys were made: a server that is to accept them needs these."""
    bytes: int
    sha256: str
    """Of the file beside."""


def place_of(backup: Path) -> Path:
    """Return where the manifest of a backup is."""
    return backup.with_name(f"{backup.name}.json")


def read(backup: Path) -> Manifest | None:
    """Return what is said of a backup; None: nothing is.

    Raises:
        ConfigurationError: it cannot be read.
    """
    place = place_of(backup)
    try:
        return msgspec.json.decode(place.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{place} is no manifest of a backup: {error}.") from error


def written(manifest: Manifest) -> bytes:
    """Return it as it is kept."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def digest(path: Path, progress: Progress, copy: Path | None = None) -> str:
    """Return the SHA-256 of a file, which may be copied meanwhile: what was read is what was copied."""
    found = hashlib.sha256()
    whole = path.stat().st_size
    what, done = "Reading" if copy is None else "Copying", 0
    with path.open("rb") as source, (copy or Path(os.devnull)).open("r+b" if copy else "wb") as target:
        while part := source.read(_CHUNK):
            found.update(part)
            target.write(part)
            done += len(part)
            progress(what, done, whole)
        if copy is not None:
            target.truncate()
            target.flush()
            os.fsync(target.fileno())
    return found.hexdigest()


def sync(path: Path) -> None:
    """Have a file, or what a folder lists, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
