"""What an arithmetic expression comes to, in the notation of mathjs, which Flowise's calculator reads.

Numbers are doubles, as in JavaScript, so that no result is larger than a few bytes; an expression has
`MAX_CHARACTERS` at most and is nested `MAX_DEPTH` deep. Nothing but what is listed here can be named in one.
"""

import math
import re
import statistics
from typing import Final

from flowkeys.flows.tools.functions import (
    COMPARED,
    CONSTANTS,
    FUNCTIONS,
    MULTIPLIED,
    ArithmeticFault,
    factorial,
    modulo,
    power,
)

MAX_CHARACTERS: Final = 1000
MAX_DEPTH: Final = 50
_EXPONENT_FROM: Final = 21
_EXPONENT_BELOW: Final = -7
"""Decimal places from where on JavaScript writes a number with an exponent (ECMA-262, Number::toString)."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[<>=!]=|[-+*/^%!(),<>]))",
    re.ASCII,
)


def evaluate(expression: str) -> str:
    """Return what an expression comes to, written as JavaScript writes it.

    Raises:
        ArithmeticFault: it is no expression, or too long, or names what there is not.
    """
    if len(expression) > MAX_CHARACTERS:
        raise ArithmeticFault
    try:
        value = _Reader(expression).read()
    except (ValueError, TypeError, OverflowError, statistics.StatisticsError) as error:
        raise ArithmeticFault from error
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


def number_text(value: float) -> str:
    """Return a number as JavaScript writes it (ECMA-262, Number::toString)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if _EXPONENT_BELOW < point - 1 < _EXPONENT_FROM:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        padded = digits.ljust(point, "0")
        return f"{sign}{padded[:point]}{'.' + padded[point:] if padded[point:] else ''}"
    power = point - 1
    rest = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"


class _Reader:
    """Reads an expression from left to right, and reckons as it reads."""

    def __init__(self, expression: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = expression.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ArithmeticFault
            self._tokens.append((str(match.lastgroup), match[match.lastgroup or 0]))
            at = match.end()
        self._at = 0
        self._depth = 0

    def read(self) -> float:
        value = self._comparison()
        if self._at != len(self._tokens):
            raise ArithmeticFault
        return value

    def _next(self) -> str:
        """Return the sign that comes next, or ""."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] == "sign":
            return self._tokens[self._at][1]
        return ""

    def _take(self, *signs: str) -> str:
        found = self._next()
        if found not in signs:
            return ""
        self._at += 1
        return found

    def _comparison(self) -> float:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ArithmeticFault
        value = self._sum()
        while sign := self._take(*COMPARED):
            value = COMPARED[sign](value, self._sum())
        self._depth -= 1
        return value

    def _sum(self) -> float:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> float:
        value = self._signed()
        while True:
            if self._at < len(self._tokens) and self._tokens[self._at] == ("name", "mod"):
                self._at += 1
                value = modulo(value, self._signed())
            elif sign := self._take("*", "/", "%"):
                value = MULTIPLIED[sign](value, self._signed())
            elif self._begins_factor():  # as in 2 pi and 2(3 + 4)
                value *= self._power()
            else:
                return value

    def _begins_factor(self) -> bool:
        if self._at >= len(self._tokens):
            return False
        kind, word = self._tokens[self._at]
        if kind == "name":
            return word != "mod"
        return word == "("

    def _signed(self) -> float:
        is_negative = False
        while sign := self._take("+", "-"):
            is_negative = is_negative != (sign == "-")
        value = self._power()
        return -value if is_negative else value

    def _power(self) -> float:
        value = self._postfix()
        if self._take("^"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise ArithmeticFault
            value = power(value, self._signed())
            self._depth -= 1
        return value

    def _postfix(self) -> float:
        value = self._operand()
        while True:
            if self._take("!"):
                value = factorial(value)
            elif self._next() == "%" and not self._is_operand(self._at + 1):
                self._at += 1
                value /= 100
            else:
                return value

    def _is_operand(self, at: int) -> bool:
        return at < len(self._tokens) and (
            self._tokens[at][0] != "sign" or self._tokens[at][1] in {"(", "+", "-"}
        )

    def _operand(self) -> float:
        if self._take("("):
            value = self._comparison()
            self._close()
            return value
        if self._at >= len(self._tokens):
            raise ArithmeticFault
        kind, word = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return float(word)
        if kind == "name" and self._take("("):
            return self._called(word)
        if kind == "name" and word in CONSTANTS:
            return CONSTANTS[word]
        raise ArithmeticFault

    def _called(self, name: str) -> float:
        function = FUNCTIONS.get(name)
        if function is None:
            raise ArithmeticFault
        values = [self._comparison()]
        while self._take(","):
            values.append(self._comparison())
        self._close()
        return float(function(*values))

    def _close(self) -> None:
        if not self._take(")"):
            raise ArithmeticFault
