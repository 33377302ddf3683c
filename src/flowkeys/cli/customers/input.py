"""What people write about a customer, read."""

from typing import Any, get_args

import msgspec
import typer

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.listing import CustomerSort

STATUSES = (*(status.value for status in CustomerStatus), "all")


def read_meta(text: str | None) -> dict[str, Any] | None:
    """Return an object of the operator's own, written as JSON."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        raise typer.BadParameter('--meta: give a JSON object, such as \'{"plan": "gold"}\'.') from None


def read_sort(text: str) -> str:
    """Return the order of a list."""
    if text.removeprefix("-") not in get_args(CustomerSort):
        known = ", ".join(get_args(CustomerSort))
        raise typer.BadParameter(f"--sort: give one of {known}, with - for descending.")
    return text


def read_status(text: str | None) -> str | None:
    """Return the status that a list is limited to."""
    if text is not None and text not in STATUSES:
        raise typer.BadParameter(f"--status: give one of {', '.join(STATUSES)}.")
    return text
