"""What an arithmetic expression may name: functions and constants of mathjs, over doubles."""

import math
import operator
import statistics
from collections.abc import Callable, Mapping
from typing import Final

_LARGEST_FACTORIAL: Final = 170
"""That of the next number is no double any more."""
CONSTANTS: Final = {
    "pi": math.pi,
    "PI": math.pi,
    "tau": math.tau,
    "e": math.e,
    "E": math.e,
    "phi": (1 + 5**0.5) / 2,
    "SQRT2": 2**0.5,
    "LN2": math.log(2),
    "LN10": math.log(10),
    "Infinity": math.inf,
    "NaN": math.nan,
}


class ArithmeticFault(Exception):
    """The expression is none, or has something in it that cannot be reckoned."""


def _divided(one: float, two: float) -> float:
    if two:
        return one / two
    if not one or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1, two)


def modulo(one: float, two: float) -> float:
    """Return what is left of a division, with the sign of the divisor; of one by zero, all."""
    return one if not two else one - two * math.floor(one / two)


def power(one: float, two: float) -> float:
    """Return a power; one too large for a double is infinite.

    Raises:
        ArithmeticFault: it is no real number.
    """
    try:
        value: float | complex = one**two
    except OverflowError:
        return -math.inf if one < 0 and two % 2 else math.inf
    except ZeroDivisionError:
        return math.inf
    if isinstance(value, complex):
        raise ArithmeticFault
    return value


def factorial(value: float) -> float:
    """Return a factorial; one too large for a double is infinite.

    Raises:
        ArithmeticFault: the number is negative, or not whole.
    """
    value = float(value)
    if value < 0 or not value.is_integer():
        raise ArithmeticFault
    return math.inf if value > _LARGEST_FACTORIAL else float(math.factorial(int(value)))


def _rounded(value: float, places: float = 0.0) -> float:
    """Round halves away from zero, as mathjs does."""
    if not math.isfinite(value) or not places.is_integer() or not 0 <= places <= 15:  # noqa: PLR2004
        raise ArithmeticFault
    shifted = abs(value) * 10**places
    return math.copysign(math.floor(shifted + 0.5) / 10**places, value)


def _logarithm(value: float, base: float = math.e) -> float:
    if value == 0:
        return -math.inf
    return math.log(value) if base == math.e else math.log(value, base)


def _whole(function: Callable[..., int]) -> Callable[..., float]:
    def of_whole(*values: float) -> float:
        if not all(float(value).is_integer() and abs(value) < 2**53 for value in values):
            raise ArithmeticFault
        return float(function(*map(int, values)))

    return of_whole


def _whole_or_not(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
MULTIPLIED: Final[Mapping[str, Callable[[float, float], float]]] = {
    "*": operator.mul,
    "/": _divided,
    "%": modulo,
}
FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = {
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")},
    **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    **{name: getattr(math, name) for name in ("sqrt", "exp", "expm1", "log10", "log2", "log1p", "hypot")},
    "abs": abs,
    "cbrt": lambda value: math.copysign(abs(value) ** (1 / 3), value),
    "ceil": _whole_or_not(math.ceil),
    "floor": _whole_or_not(math.floor),
    "fix": _whole_or_not(math.trunc),
    "round": _rounded,
    "sign": lambda value: float((value > 0) - (value < 0)),
    "log": _logarithm,
    "ln": _logarithm,
    "pow": power,
    "square": lambda value: value * value,
    "cube": lambda value: value * value * value,
    "mod": modulo,
    "factorial": factorial,
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "sum": lambda *values: math.fsum(values),
    "mean": lambda *values: statistics.fmean(values),
    "median": lambda *values: statistics.median(values),
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": _divided,
}
