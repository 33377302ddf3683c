"""Calls about new tokens for keys."""

import math
from datetime import timedelta
from typing import Final

from msgspec import UNSET, UnsetType

from flowkeys.client.call import Call, Ref, as_type, given, path
from flowkeys.client.models import Key, NewKey

_KEY: Final = as_type(Key)
_NEW_KEY: Final = as_type(NewKey)


def rotate(
    key: Ref,
    *,
    grace: timedelta | int | UnsetType = UNSET,
    finish_when_unused: timedelta | int | UnsetType = UNSET,
) -> Call[NewKey]:
    """Give the key a new token, which is in the result; the old one works until the grace is over.

    Both are seconds or a ``timedelta``. Unless given, `grace` is a day; a key that leaked is rotated with 0.
    With `finish_when_unused` the old token ends as soon as it was not used for so long.
    """
    body = given(graceSeconds=_seconds(grace), finishWhenUnusedSeconds=_seconds(finish_when_unused))
    where = path("apikey", key, "rotate")
    return Call(method="POST", path=where, body=body, decode=_NEW_KEY, repeatable=False)


def set_grace(key: Ref, grace: timedelta | int) -> Call[Key]:
    """Let the old token of a key that is being rotated work for so long yet, from now on; 0 ends it."""
    body = {"graceSeconds": _seconds(grace)}
    return Call(method="PUT", path=path("apikey", key, "rotation"), body=body, decode=_KEY, repeatable=False)


def end_rotation(key: Ref) -> Call[Key]:
    """End the old token of a key that is being rotated, at once."""
    return set_grace(key, 0)


def _seconds(duration: timedelta | int | UnsetType) -> int | UnsetType:
    return math.ceil(duration.total_seconds()) if isinstance(duration, timedelta) else duration
