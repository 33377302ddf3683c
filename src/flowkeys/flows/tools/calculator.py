"""Flowise's calculator."""

from collections.abc import Mapping
from typing import Any, Final

from flowkeys.flows.context import Run
from flowkeys.flows.tools.arithmetic import evaluate
from flowkeys.flows.tools.functions import ArithmeticFault
from flowkeys.flows.tools.tool import MISMATCH, ToolFailed, takes

NOT_KNOWN: Final = "I don't know how to do that."


class Calculator:
    """Tells what an expression comes to. What it cannot read is no failure: the model is told."""

    kind = "calculator"
    label = "Calculator"
    name = "calculator"
    description = (
        "Useful for getting the result of a math expression. The input to this tool should be a valid "
        "mathematical expression that could be executed by a simple calculator."
    )
    schema: Mapping[str, Any] = takes({"input": {"type": "string"}})
    return_direct = False

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Reckon."""
        expression = arguments.get("input", "")
        if not isinstance(expression, str):
            raise ToolFailed(MISMATCH)
        try:
            return evaluate(expression)
        except ArithmeticFault:
            return NOT_KNOWN
