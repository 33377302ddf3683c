"""Values in words, as the pages show them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from flowkeys.domain.permissions import ALL, GROUPS
from flowkeys.domain.times import SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = 60
_UNITS: Final = (
    ("minute", _MINUTE, 60),
    ("hour", 3600, 24),
    ("day", 86_400, 30),
    ("month", 30 * 86_400, 12),
    ("year", 365 * 86_400, float("inf")),
)
"""What times are told in, its seconds, and how many of it are one of the next."""

GROUP_NAMES: Final = {
    "chatflows": "Chatflows",
    "agentflows": "Agentflows",
    "tools": "Tools",
    "assistants": "Assistants",
    "credentials": "Credentials",
    "variables": "Variables",
    "apikeys": "API keys",
    "customers": "Customers",
    "policy": "Policy",
    "webhooks": "Webhooks",
    "documentStores": "Document stores",
    "datasets": "Datasets",
    "evaluators": "Evaluators",
    "evaluations": "Evaluations",
    "executions": "Executions",
    "templates": "Templates",
    "workspace": "Workspace",
    "users": "People",
    "roles": "Roles",
    "sso": "Single sign-on",
    "logs": "Logs",
    "loginActivity": "Sign-in activity",
    "audit": "Audit log",
}
_STEP: Final = 1024
_TEN: Final = 10


def exact(time: int) -> str:
    """Return ``23 November 2026, 07:12:45 UTC``."""
    moment = _EPOCH + timedelta(microseconds=time)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def hour(time: int) -> str:
    """Return ``23 Nov 2026, 07:00``."""
    return f"{day(time)}, {_EPOCH + timedelta(microseconds=time):%H:%M}"


def day(time: int) -> str:
    """Return ``23 Nov 2026``."""
    moment = _EPOCH + timedelta(microseconds=time)
    return f"{moment.day} {moment:%b %Y}"


def relative(time: int, now: int) -> str:
    """Return ``5 minutes ago``, ``in 3 months`` or ``just now``: to the nearest of the unit that fits.

    Not rounded down: a key of 90 days would be one of two months from its first second on.
    """
    seconds = abs(time - now) // SECOND
    if seconds < _MINUTE:
        return "just now" if time <= now else "in less than a minute"
    counts = (((seconds + length // 2) // length, unit, many) for unit, length, many in _UNITS)
    count, unit = next((count, unit) for count, unit, many in counts if count < many)
    words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{words} ago" if time <= now else f"in {words}"


def duration(seconds: int) -> str:
    """Return ``1 hour``, ``7 days`` or ``90 minutes``: exactly, in the largest unit that goes into it."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", _MINUTE)):
        if seconds % length == 0:
            return count(seconds // length, unit)
    return count(seconds, "second")


def count(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 key``, ``1,234 keys``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def verb_name(verb: str) -> str:
    """Return a permission's verb as people read it: ``add-loader`` is ``add loader``."""
    return verb.replace("-", " ")


def permissions(held: Iterable[str]) -> list[str]:
    """Return what a set of permissions allows, a sentence part a group: ``API keys: view, create``."""
    names = frozenset(held)
    if ALL in names:
        return ["Everything"]
    found = []
    for group, verbs in GROUPS.items():
        own = [verb for verb in verbs if f"{group}:{verb}" in names]
        if own:
            what = "all" if len(own) == len(verbs) and len(verbs) > 1 else ", ".join(map(verb_name, own))
            found.append(f"{GROUP_NAMES[group]}: {what}")
    return found


def size(count_bytes: int) -> str:
    """Return ``20 MB``, ``1.5 MB``, ``300 kB`` or ``12 bytes``."""
    if count_bytes < _STEP:
        return f"{count_bytes} bytes"
    value, unit = count_bytes / _STEP, "kB"
    if value >= _STEP:
        value, unit = value / _STEP, "MB"
    shown = f"{value:,.0f}" if value >= _TEN or value == int(value) else f"{value:.1f}"
    return f"{shown} {unit}"
