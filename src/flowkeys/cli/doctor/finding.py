"""One line of the doctor's report."""

from typing import Literal

import msgspec

Verdict = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what to do."""

    check: str
    verdict: Verdict
    message: str
    advice: str | None = None


def ok(check: str, message: str) -> Finding:
    """Return that something is well."""
    return Finding(check, "ok", message)


def warn(check: str, message: str, advice: str) -> Finding:
    """Return that something works, and could be better."""
    return Finding(check, "warn", message, advice)


def fail(check: str, message: str, advice: str) -> Finding:
    """Return that something keeps the server, or keys, from working."""
    return Finding(check, "fail", message, advice)


def size(size_bytes: float) -> str:
    """Return a size for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:  # noqa: PLR2004
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"
