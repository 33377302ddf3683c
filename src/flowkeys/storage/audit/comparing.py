"""The journal of what took access away, held against a database."""

import os
from pathlib import Path
from typing import Any, Final, NamedTuple

from flowkeys.domain.audit.taken import Found, Line, missing_in, read
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.audit.journal import AuditRows, last_line

_PART: Final = 1 << 16
_AT_ONCE: Final = 1000


class Compared(NamedTuple):
    """A journal beside a database."""

    found: Found
    missing: list[Line]
    """What it tells of and the database does not know, unless that was settled."""
    goes_on_from: int
    """The row of the audit log behind which it goes on."""
    last: str = ""
    """The seal of its last line, whoever wrote that; empty: it has none, or the database knows it."""


def compare(path: Path, raw: Any, rows: AuditRows, secrets: ServerSecrets, *, whole: bool) -> Compared:
    """Compare a journal with the database that `raw` reads; no transaction of it is open.

    Unless the `whole` file is asked for, its end is enough where the database knows the last line: what is
    before it happened before, or was settled.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            if not whole and file.seek(0, os.SEEK_END) > _PART:
                file.seek(-_PART, os.SEEK_END)
                tail = read(file.read().partition(b"\n")[2], secrets.derive, is_tail=True)
                if tail.lines and rows.known(raw, tail.lines[-1:]):
                    return Compared(tail, [], tail.lines[-1].seq)
            file.seek(0)
            data = file.read()
    except FileNotFoundError:
        data = b""
    found = read(data, secrets.derive)
    end = last_line(data)
    lines = found.lines
    if lines and rows.known(raw, lines[-1:]):
        return Compared(found, [], lines[-1].seq)
    parts = [lines[at : at + _AT_ONCE] for at in range(0, len(lines), _AT_ONCE)]
    there = {seal for part in parts for seal in rows.known(raw, part)}
    known = set(there)
    for part in parts:
        known |= rows.told_of(raw, [line for line in part if line.seal not in there])
    missing = missing_in(lines, [line for line in lines if line.seal in known])
    goes_on_from = max((line.seq for line in lines if line.seal in there), default=None)
    if goes_on_from is None:
        goes_on_from = rows.last(raw)
    return Compared(found, missing, goes_on_from, "" if end is None else end.seal)
