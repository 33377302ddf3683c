"""What the file system keeps a process from doing with a database, which SQLite calls "unable to open"."""

import os
import stat
from pathlib import Path
from typing import Final

_BESIDE: Final = ("", "-wal", "-shm")
"""The files of a database in WAL mode: each has to be opened."""


def hindrance(path: Path, *, writing: bool = True) -> str | None:
    """Return the sentence that says whose rights are missing where, and what to do; None: none are.

    `writing` is False for who only reads.
    """
    folder = path.parent
    try:
        return _of_folder(folder, writing=writing) or next(
            filter(None, (_of_file(path.with_name(path.name + end), writing=writing) for end in _BESIDE)),
            None,
        )
    except OSError as error:  # it changed under our eyes, or a folder above may not be entered
        return f"{error.filename}: {error.strerror}. {_who(folder)}"


def of_file(path: Path, *, writing: bool = False) -> str | None:
    """Return the sentence about one file, or about its folder."""
    try:
        return _of_folder(path.parent, writing=writing) or _of_file(path, writing=writing)
    except OSError as error:
        return f"{error.filename}: {error.strerror}. {_who(path.parent)}"


def _of_folder(folder: Path, *, writing: bool) -> str | None:
    for above in reversed(folder.parents):
        if not os.access(above, os.X_OK, effective_ids=True) and os.access(above, os.F_OK):
            return _told(above, "entered")
    if not folder.is_dir():
        return f"{folder} is {'no folder' if folder.exists() else 'not there'}."
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
        return _told(folder, "read")
    if writing and not os.access(folder, os.W_OK, effective_ids=True):
        return _told(folder, "written")
    return None


def _of_file(path: Path, *, writing: bool) -> str | None:
    if not path.exists():
        return None
    if path.is_dir():
        return f"{path} is a folder, and should be a file."
    if not os.access(path, os.R_OK, effective_ids=True):
        return _told(path, "read")
    if writing and not os.access(path, os.W_OK, effective_ids=True):
        return _told(path, "written")
    return None


def _told(path: Path, what: str) -> str:
    if what == "written" and os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"{path} cannot be written: its file system is mounted read-only."
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    return f"{path} cannot be {what}: it has mode {mode:04o} and belongs to user {found.st_uid}. {_who(path)}"


def _who(path: Path) -> str:
    try:
        owner: int | None = path.stat().st_uid
    except OSError:
        owner = None
    user = os.geteuid()
    if owner is None or owner == user:
        return f"This is user {user}: correct the rights (chmod u+rwX)."
    return (
        f"This is user {user}: run it as the owner (for example: sudo -u '#{owner}' flowkeys …), or give the "
        f"folder to this user (chown -R {user} …)."
    )
