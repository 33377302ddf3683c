"""What people write about a key, read."""

import time
from collections.abc import Sequence
from typing import get_args

import typer

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeySort
from flowkeys.service.keys.input import read_expiry

STATUSES = (*(status.value for status in Status), "all")


def expiry(expires_in: str | None, expires_at: str | None) -> int | None:
    """Return the time that a key ends at, or None when neither option is given."""
    if expires_in is not None and expires_at is not None:
        raise typer.BadParameter("Give --expires-in or --expires-at, not both.")
    return read_expiry(expires_at, expires_in, time.time_ns() // 1000)


def permissions(given: Sequence[str]) -> frozenset[str]:
    """Return permissions that were given one by one, or several behind commas."""
    return frozenset(name for text in given for part in text.split(",") if (name := part.strip()))


def networks(given: Sequence[str]) -> tuple[str, ...]:
    """Return networks that were given one by one, or several behind commas."""
    return tuple(name for text in given for part in text.split(",") if (name := part.strip()))


def sort(text: str) -> str:
    """Return the order of a list."""
    if text.removeprefix("-") not in get_args(KeySort):
        raise typer.BadParameter(
            f"--sort: give one of {', '.join(get_args(KeySort))}, with - for descending."
        )
    return text


def status(text: str | None) -> str | None:
    """Return the status that a list is limited to."""
    if text is not None and text not in STATUSES:
        raise typer.BadParameter(f"--status: give one of {', '.join(STATUSES)}.")
    return text
