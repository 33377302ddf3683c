"""The server secret in the data directory: made once, readable by its owner only."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.server_secrets import HEADER, ServerSecrets, read_file, read_variable
from flowkeys.storage.sqlite.access import of_file

_BYTES: Final = 32


def known(given: str | None, path: Path) -> ServerSecrets:
    """Return the secrets that a setting holds, or else those in the file.

    Raises:
        ConfigurationError: others than its owner may read the file.
    """
    return read_variable("FLOWKEYS_SECRET", given) if given else read(path)


def read(path: Path) -> ServerSecrets:
    """Return what the file holds; nothing when there is none.

    Raises:
        ConfigurationError: others than its owner may read it, or this user may not.
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except FileNotFoundError:
        return ServerSecrets(str(path))
    except PermissionError as error:
        why = of_file(path) or f"{error.strerror}."
        raise ConfigurationError(f"The server secret cannot be read: {why}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"Others may read the server secret. Run: chmod 600 {path}")
    return read_file(str(path), data)


def create(path: Path) -> ServerSecrets:
    """Make the file with a new secret, and return what it holds; another process may have made it first."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{HEADER}\n{secrets.token_urlsafe(_BYTES)}\n")
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
