"""How JavaScript makes texts and numbers of values (ECMA-262, "ToString", "ToNumber", "parseFloat")."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

_SPACES: Final = " \t\n\r\v\f\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_DECIMAL: Final = r"[+-]?(?:Infinity|(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][+-]?\d{1,4})?)"
_LEADING: Final = re.compile(rf"[{_SPACES}]{{0,1000}}({_DECIMAL})")
_WHOLE: Final = re.compile(
    rf"[{_SPACES}]*(?:({_DECIMAL})|0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+))?[{_SPACES}]*"
)
_BASES: Final = {"x": 16, "o": 8, "b": 2}
_INTEGERS: Final = 1e21
"""From here on whole numbers are written with an exponent."""
_LONGEST: Final = 2000
"""Characters of a number that is read: no number that anybody means has more."""


def string(value: Any) -> str:
    """Return what ``String(value)`` is."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return ",".join("" if item is None else string(item) for item in value)
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "[object Object]"
    if isinstance(value, float) and value.is_integer() and abs(value) < _INTEGERS:
        return str(int(value))
    return msgspec.json.encode(value).decode()


def leading_number(text: str) -> float:
    """Return what ``parseFloat(text) || 0`` is: the number that a text begins with."""
    match = _LEADING.match(text)
    return _number(match[1]) if match else 0.0


def number(value: Any) -> float:
    """Return what ``Number(value) || 0`` is: a text has to be a number as a whole."""
    if isinstance(value, bool | int | float):
        return float(value)
    match = _WHOLE.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None
    if match is None:
        return 0.0
    if match[2]:
        return float(min(int(match[2][1:], _BASES[match[2][0].lower()]), 1 << 1023))
    return _number(match[1]) if match[1] else 0.0


def _number(text: str) -> float:
    if text.endswith("Infinity"):
        return -math.inf if text.startswith("-") else math.inf
    return float(text)
