"""The calculator: what mathjs reads and writes, within limits."""

import pytest

from flowkeys.flows.tools.arithmetic import MAX_CHARACTERS, MAX_DEPTH
from flowkeys.flows.tools.calculator import NOT_KNOWN, Calculator
from flowkeys.flows.tools.tool import ToolFailed

RESULTS = {
    "2+3*4": "14",
    " ( 2 + 3 ) * 4 ": "20",
    "7/2": "3.5",
    "0.1+0.2": "0.30000000000000004",
    "1/3": "0.3333333333333333",
    "2^10": "1024",
    "2^3^2": "512",
    "-2^2": "-4",
    "2^-1": "0.5",
    "10 % 3": "1",
    "10 mod 3 * 2": "2",
    "-1 % 3": "2",
    "20%": "0.2",
    "5!": "120",
    "3!^2": "36",
    "2 pi": "6.283185307179586",
    "2(3 + 4)": "14",
    "sqrt(16) + max(1, 2, 3)": "7",
    "round(2.5) + round(-2.5)": "0",
    "round(3.14159, 2)": "3.14",
    "log(e)": "1",
    "log(8, 2)": "3",
    "gcd(12, 18)": "6",
    "mean(1, 2, 6)": "3",
    "1/0": "Infinity",
    "-1/0": "-Infinity",
    "0/0": "NaN",
    "-0": "0",
    "1e21": "1e+21",
    "10^20": "100000000000000000000",
    "1234567890123456789": "1234567890123456800",
    "1e-6": "0.000001",
    "1.5e-7": "1.5e-7",
    "1.25e300*10": "1.25e+301",
    "9^9^9": "Infinity",
    "171!": "Infinity",
    "1 < 2": "true",
    "2 == 3": "false",
}
REFUSED = (
    *("nonsense(", "", " ", "()", "2 +", "2 3", "1..2", "a", "x = 1", "__import__('os')", "(1).real", "[1]"),
    *("sqrt(-1)", "log(-1)", "(-8)^(1/3)", "(-1)!", "2.5!", "gcd(1.5, 2)", "sin()", "sin(1, 2)", "atan2(1)"),
    *("1,2", "max(1,)", "import", "'a'", "2;3", "round(1, 400)", "acos(2)", "exp(1000)", "\uff11+\uff11"),
)


async def reckon(expression):
    """Ask the calculator."""
    return await Calculator().call(None, {"input": expression})


@pytest.mark.parametrize(("expression", "result"), RESULTS.items())
async def test_results_are_written_as_javascript_writes_numbers(expression, result):
    """Precedence, powers, functions and numbers are those of mathjs."""
    assert await reckon(expression) == result


async def test_what_is_no_expression_is_an_answer_and_no_failure():
    """The model is told that it cannot be done; nothing of Python is in reach."""
    for expression in REFUSED:
        assert await reckon(expression) == NOT_KNOWN, expression
    with pytest.raises(ToolFailed):
        await reckon(3)


async def test_length_and_depth_are_limited():
    """What is longer or deeper than anybody writes is not read, in whatever way it nests."""
    for deep in (
        "(" * 20_000,
        "(" * 400 + "1" + ")" * 400,
        "1^" * 400 + "1",
        "sqrt(" * 180 + "1" + ")" * 180,
        "1" * (MAX_CHARACTERS + 1),
    ):
        assert await reckon(deep) == NOT_KNOWN
    fine = MAX_DEPTH - 1
    assert await reckon("(" * fine + "1" + ")" * fine) == "1"
    assert await reckon("-" * 900 + "1") == "1"
    assert await reckon("1" + "!" * 900) == "1"
