"""The server's secrets, as a program on the same machine has them: given once, or followed in their file."""

import contextlib
import time
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.secrets import secret_file

_BEING_WRITTEN_NANOSECONDS: Final = 50_000_000
"""A file that was written since may not be whole yet: it is read at a later look."""

_Version = tuple[int, int, int]


class LocalSecrets:
    """The secrets that the server has now, as far as can be known."""

    def __init__(self, data_dir: Path, given: str | None) -> None:
        """Use the secrets in `given`, written as FLOWKEYS_SECRET is, or else those in the file.

        Raises:
            ConfigurationError: there is none, or others may read the file.
        """
        path = data_dir / "secret"
        self._path = path
        self._follows = not (given and given.strip())
        self._version: _Version | None = None
        with contextlib.suppress(PermissionError):  # reading says which
            self._version = _version(path) if self._follows else None
        self.written: ServerSecrets = secret_file.known(None if self._follows else given, path)
        """As an operator wrote them. Which lines verify, the database says."""
        self.trusted: frozenset[str] = frozenset()
        """The ids of what can be no secret and verifies all the same: set by who opened the database."""
        if not self.written:
            raise ConfigurationError(f"There is no server secret. Set FLOWKEYS_SECRET, or bring back {path}.")

    def look(self) -> bool:
        """Tell whether the file has other secrets now; then `written` is another one.

        What was known counts on while the file is gone, empty or half written, or has a line that can be no
        secret: the database decides which keys are good, and a secret that was known to be the server's only
        finds them in it.

        Raises:
            ConfigurationError: the file was changed, and others may read it.
            OSError: the file was changed and cannot be read.
        """
        if not self._follows:
            return False
        version = _version(self._path)
        if version is None or version == self._version or _is_being_written(version):
            return False
        written = secret_file.read(self._path)
        self._version = version
        if not written.secrets or any(item.id not in self.trusted for item in written.doubtful):
            return False
        if written == self.written:
            return False
        self.written = written
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
