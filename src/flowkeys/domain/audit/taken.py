"""What took access away, kept outside the database: a backup that is restored does not know it.

A line tells of a row of the audit log, and names that row's seal: so it shows whether a database knows it.
Lines are sealed one behind the other (HMAC-SHA-256, RFC 2104) under a key derived from the server secret:
who can write the file, and does not have the secret, can change no line, take none away from between others
and put none in without being found out (docs/adr/0050-backups.md).
"""

import hmac
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from flowkeys.domain.audit.segments import Derive

SETTLED: Final = "audit.older"
"""The row that says that a database did not know some lines, and what was done about it."""
_PURPOSE: Final = b"flowkeys revocation journal v1"
_SHOWN: Final = 32
"""So many hexadecimal digits of a row's seal name it."""

_ENDS: Final = {
    "key.revoke": "revoked",
    "customer.revoke": "revoked",
    "key.disable": "disabled",
    "customer.disable": "disabled",
    "key.rotate": "disabled",
    "key.rotation_end": "disabled",
    "key.rotation_finish": "disabled",
    "key.enable": "enabled",
    "customer.enable": "enabled",
    SETTLED: "settled",
}
"""What becomes of a key or customer when a database does not know that this was done. A key that got another
token is disabled: its old one, which the database takes for the present one, may have leaked."""
ACTIONS: Final = frozenset({*_ENDS, "key.update"})
"""What a row has to be of to mean anything here."""
MARK: Final = "mark"
"""The effect of a line that ends nothing: up to there the log was scanned."""


class Row(NamedTuple):
    """A row of the audit log, as far as it matters here."""

    seq: int
    at: int
    workspace_id: str
    action: str
    subject_id: str
    before: str | None
    after: str | None
    seal: bytes


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event."""

    at: str
    action: str
    id: str
    """Of the key or customer."""
    effect: str
    workspace: str
    seq: int
    """Of the row of the audit log."""
    row: str
    """The beginning of that row's seal."""
    secret: str
    """The id of the server secret that the seal's key is derived from."""
    seal: str = ""


class Found(NamedTuple):
    """What a file holds."""

    lines: tuple[Line, ...]
    """Those that are as they were written, or of which nobody can say, since their secret is not there."""
    faults: tuple[str, ...]
    unverified: int
    """Lines of which nobody can say."""


def effect_of(row: Row) -> str | None:
    """Return what a row of the audit log means here; None: nothing."""
    if row.action == "key.update":
        return "disabled" if _cut(row) else None
    return _ENDS.get(row.action)


def name_of(row_seal: bytes) -> str:
    """Return what names a row by its seal."""
    return row_seal.hex()[:_SHOWN]


def sealed(line: Line, before: str, derive: Derive) -> Line:
    """Return a line with its seal, behind the line with the seal `before`."""
    key = derive(line.secret, _PURPOSE)
    assert key is not None
    return msgspec.structs.replace(line, seal=_seal(line, before, key))


def read(data: bytes, derive: Derive, *, is_tail: bool = False) -> Found:
    """Read a file, or its last lines, and name what is not as it was written."""
    lines: list[Line] = []
    faults: list[str] = []
    unverified = 0
    before: str | None = None if is_tail else ""
    for number, text in enumerate(data.split(b"\n"), 1):
        if not text:
            continue
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            faults.append(f"line {number} cannot be read")
            continue
        key = derive(line.secret, _PURPOSE)
        if key is None:
            unverified += 1
            lines.append(line)
        elif before is None:
            pass  # what is before it was not read
        elif hmac.compare_digest(_seal(line, before, key), line.seal):
            lines.append(line)
        else:
            faults.append(f"line {number} was changed, or lines before it were taken away")
        before = line.seal
    return Found(tuple(lines), tuple(faults), unverified)


def missing_in(found: Iterable[Line], known: Iterable[Line]) -> list[Line]:
    """Return the lines that a database does not know and that were not settled; `known` are those it knows.

    What is before the last line that it knows, and that says that all before it was settled, is over.
    """
    lines, knows = list(found), {line.seal for line in known}
    settled = [at for at, line in enumerate(lines) if line.effect == "settled" and line.seal in knows]
    rest = lines[settled[-1] + 1 :] if settled else lines
    return [line for line in rest if line.seal not in knows and line.effect not in {"settled", MARK}]


def last_effects(lines: Iterable[Line]) -> dict[str, Line]:
    """Return what is left of them, by the ids of keys and customers: revoked is for good."""
    left: dict[str, Line] = {}
    for line in lines:
        before = left.get(line.id)
        if before is not None and before.effect == "revoked":
            continue
        if line.effect == "enabled":
            left.pop(line.id, None)
        else:
            left[line.id] = line
    return left


def _seal(line: Line, before: str, key: bytes) -> str:
    fields = (
        before,
        line.at,
        line.action,
        line.id,
        line.effect,
        line.workspace,
        line.seq,
        line.row,
        line.secret,
    )
    return hmac.digest(key, msgspec.msgpack.encode(fields), "sha256").hex()


def _cut(row: Row) -> bool:
    """Tell whether a key may do less after a change than before it, as an older database does not know."""
    try:
        before: Any = msgspec.json.decode(row.before or "{}")
        after: Any = msgspec.json.decode(row.after or "{}")
    except msgspec.DecodeError:
        return False
    if set(before.get("permissions", ())) - set(after.get("permissions", ())):
        return True
    if set(before.get("chatflowIds", ())) - set(after.get("chatflowIds", ())):
        return True
    if before.get("allowedIps") != after.get("allowedIps") and after.get("allowedIps"):
        return True
    sooner = after.get("expiresAt")
    return sooner is not None and (before.get("expiresAt") is None or sooner < before["expiresAt"])
