"""Which part of a list, and what comes back: what backends have in common."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.listing import UNPAGED_LIMIT

Json = dict[str, Any]
"""A thing in its wire form: what the API answers, whichever way it came."""

Listed = list[Json] | Json
"""An array, or with a page number one page: ``{"total": …, "data": […]}``."""

PAGE: Final = 12


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list."""

    page: int | None = None
    limit: int | None = None


def slice_of(part: Part) -> tuple[int, int]:
    """Return how many, and how many to pass by."""
    if part.page is None:
        return part.limit or UNPAGED_LIMIT, 0
    size = part.limit or PAGE
    return size, (part.page - 1) * size


def listed(part: Part, items: list[Json], total: int) -> Listed:
    """Return items as the API would."""
    return items if part.page is None else {"total": total, "data": items}


def given(patch: msgspec.Struct, members: Mapping[str, str]) -> Json:
    """Return what a patch sets, by the names of the wire: those in `members`, else its own."""
    values = {name: getattr(patch, name) for name in patch.__struct_fields__}
    return {
        members.get(name, name): list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if not isinstance(value, msgspec.UnsetType)
    }
