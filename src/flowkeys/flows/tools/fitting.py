"""Arguments of tools as their schemas have them: near misses are mended as Flowise mends them."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from flowkeys.flows.graph.variables import text_of

NOT_FITTING: Final[Any] = object()
"""What becomes of a value that cannot be taken for what is wanted."""
_NUMBER: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})


def fitting(value: Any, wanted: str) -> Any:
    """Return a value as what is wanted (``string``, ``number``…), or `NOT_FITTING`; null never fits."""
    if value is None:
        return NOT_FITTING
    return _FIT.get(wanted, _text)(value)


def _text(value: Any) -> Any:
    return text_of(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    match = _NUMBER.match(value) if isinstance(value, str) else None
    found = float(match[1]) if match is not None else math.inf
    if math.isinf(found):
        return NOT_FITTING
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def _truth(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return bool(value)
    word = value.lower().strip() if isinstance(value, str) else ""
    return True if word in _TRUE else False if word in _FALSE else NOT_FITTING


def _object(value: Any) -> Any:
    value = _read(value)
    return value if isinstance(value, Mapping) else NOT_FITTING


def _list(value: Any) -> Any:
    value = _read(value)
    return value if isinstance(value, list) else NOT_FITTING


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return NOT_FITTING


_FIT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "number": _number,
    "boolean": _truth,
    "object": _object,
    "array": _list,
}
