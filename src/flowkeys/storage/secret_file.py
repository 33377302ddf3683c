"""The server secret in the data directory: made once, readable by its owner only."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError

_BYTES: Final = 32


def read(path: Path) -> list[str]:
    """Return the secrets in the file, newest first; none when there is no file.

    Raises:
        ConfigurationError: others than its owner may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"Others may read the server secret. Run: chmod 600 {path}")
    return [line for line in (line.strip() for line in text.splitlines()) if line and line[0] != "#"]


def create(path: Path) -> list[str]:
    """Make the file with a new secret, and return what it holds; another process may have made it first."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(
            "# The secrets of this flowkeys server, newest first. Keep a copy: without them no key works.\n"
        )
        file.write(secrets.token_urlsafe(_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(new, path)  # fails when it exists: a secret is never written over
    except FileExistsError:
        pass
    finally:
        new.unlink()
    _sync_directory(path.parent)
    return read(path)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
