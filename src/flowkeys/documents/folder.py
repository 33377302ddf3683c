"""Reading a folder of this machine. For the command line only: no call over HTTP names a path."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from flowkeys.documents.kinds import instead, media_type
from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.service.documents.collections import DocumentLimits

FIELD: Final = "path"

_NOT_DOCUMENTS: Final = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})

Skipped = Callable[[str, str], None]
"""Called for each file that is left out, with its relative path and the reason."""


class FolderDocuments(Iterator[tuple[str, bytes]]):
    """The (relative path, content) of documents. ``operator.length_hint`` tells how many there are."""

    def __init__(self, files: list[tuple[str, Path]], limits: DocumentLimits, report: Skipped) -> None:
        self._length = len(files)
        self._contents = _contents(files, limits, report)

    def __next__(self) -> tuple[str, bytes]:
        """Read the next file."""
        return next(self._contents)

    def __length_hint__(self) -> int:
        return self._length


def read_folder(path: Path, limits: DocumentLimits, skipped: Skipped | None = None) -> FolderDocuments:
    """Return (relative path, content) of the documents in a folder, sorted; of a single file, just it.

    Hidden files and folders, and those of package managers, are passed over in silence. Symbolic links to
    folders are not followed, and links to files only where they stay inside. Each file is read when its turn
    comes.

    Raises:
        InvalidInput: there is no such folder or file.
        TooLarge: there are more files than one import may have.
    """
    root = path.expanduser().resolve()
    report = skipped or (lambda _source, _reason: None)
    if root.is_file():
        files = [(root.name, root)]
    elif root.is_dir():
        files = sorted((file.relative_to(root).as_posix(), file) for file in _walk(root))
    else:
        raise InvalidInput.of(FIELD, f"There is no folder or file {path}.")
    readable = [(source, file) for source, file in files if _is_readable(source, file, root, report)]
    if len(readable) > limits.files:
        raise TooLarge(f"The folder has {len(readable)} documents; {limits.files} are allowed at once.")
    return FolderDocuments(readable, limits, report)


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _NOT_DOCUMENTS and not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _is_readable(source: str, file: Path, root: Path, report: Skipped) -> bool:
    if media_type(source) is None:
        report(source, " ".join(filter(None, ("files of this kind cannot be read.", instead(source)))))
    elif file.is_symlink() and not file.resolve().is_relative_to(root):
        report(source, "it is a link that leads out of the folder")
    else:
        return True
    return False


def _contents(
    files: list[tuple[str, Path]], limits: DocumentLimits, report: Skipped
) -> Iterator[tuple[str, bytes]]:
    for source, file in files:
        try:
            content = _read(file.resolve(), limits.file_bytes)
        except OSError as error:
            report(source, f"it cannot be read: {error.strerror}")
            continue
        if content is None:
            report(source, "it is not a regular file")
        elif len(content) > limits.file_bytes:
            report(source, f"it is larger than {limits.file_bytes} bytes")
        else:
            yield source, content


def _read(file: Path, limit: int) -> bytes | None:
    """Return at most one byte more than `limit`; None for what is no file, a pipe for example."""
    # Without O_NONBLOCK, opening a pipe would wait for its writer.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return stream.read(limit + 1)
