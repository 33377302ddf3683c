"""Nothing is mass-assigned: members that may not be written have to stand as they are."""

from collections.abc import Callable, Mapping
from typing import Any

from flowkeys.domain.errors import FieldError, InvalidInput


def require_unchanged(
    sent: Mapping[str, Any],
    current: Mapping[str, Any],
    tolerated: Mapping[str, Callable[[Any, Any], bool]] | None = None,
) -> None:
    """Raise `InvalidInput` naming each member of `sent` that differs from `current`.

    `tolerated` holds, for members that move by themselves, what tells an earlier reading.
    """
    errors = []
    for name, value in sent.items():
        now = current.get(name)
        if value == now:
            continue
        earlier = (tolerated or {}).get(name)
        if earlier is None or not earlier(value, now):
            errors.append(FieldError(name, "This member cannot be written; leave it out, or as it is now."))
    if errors:
        raise InvalidInput(*errors)
