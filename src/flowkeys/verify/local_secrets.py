"""The server's secrets, as a program on the same machine has them: given once, or followed in their file."""

import time
from pathlib import Path
from typing import Final

from flowkeys.domain.digest import MINIMUM_SECRET_LENGTH, TokenHasher
from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage import secret_file

_BEING_WRITTEN_NANOSECONDS: Final = 50_000_000
"""A file that was written since may not be whole yet: it is read at a later look."""

_Version = tuple[int, int, int]


class LocalSecrets:
    """The hasher for the secrets that the server has now, as far as can be known."""

    def __init__(self, data_dir: Path, given: str | None) -> None:
        """Use the secrets in `given`, written as FLOWKEYS_SECRET is, or else those in the file.

        Raises:
            ConfigurationError: there is none, one is too short, or others may read the file.
        """
        self._path = data_dir / "secret"
        self._follows = not given
        self._version = _version(self._path) if self._follows else None
        self._secrets = _split(given) if given else secret_file.read(self._path)
        if not self._secrets:
            raise ConfigurationError(
                f"There is no server secret. Set FLOWKEYS_SECRET, or bring back {self._path}."
            )
        self.hasher = TokenHasher(self._secrets)

    def look(self) -> bool:
        """Tell whether the file has other secrets now; then `hasher` is another one.

        What was known counts on while the file is gone, empty or half written: the database decides which
        keys are good, and a secret that was known to be the server's only finds them in it.

        Raises:
            ConfigurationError: the file was changed, and others may read it.
            OSError: the file was changed and cannot be read.
        """
        if not self._follows:
            return False
        version = _version(self._path)
        if version is None or version == self._version or _is_being_written(version):
            return False
        try:
            secrets = secret_file.read(self._path)
        except UnicodeDecodeError:
            return False
        if not secrets or min(map(len, secrets)) < MINIMUM_SECRET_LENGTH:
            return False
        self._version = version
        if secrets == self._secrets:
            return False
        self._secrets, self.hasher = secrets, TokenHasher(secrets)
        return True


def _version(path: Path) -> _Version | None:
    """Return what changes when a file is written or replaced; None: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _is_being_written(version: _Version) -> bool:
    return abs(time.time_ns() - version[1]) < _BEING_WRITTEN_NANOSECONDS


def _split(secret: str) -> list[str]:
    return [part.strip() for part in secret.split(",") if part.strip()]
