"""LangChain's Runnables as things that answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from flowkeys.flows.objects.answers import Extras, NoAnswerError
from flowkeys.flows.objects.inputs import History, Shape
from flowkeys.flows.objects.reading import Reading
from flowkeys.flows.objects.recognise import is_a

_STEPS = 100


async def ask_runnable(
    runnable: Any, shape: Shape, question: str, history: History, session: str
) -> AsyncGenerator[str | Extras, None]:
    """Yield what a Runnable answers, as it comes.

    Raises:
        NoAnswerError: it returned nothing that is text.
        Exception: whatever it raises.
    """
    value = await shape.value(question, history, session)
    reading = Reading(value if isinstance(value, dict) else None, adds=_adds(runnable))
    spoke = False
    config = {"configurable": {"session_id": session}}
    async with aclosing(runnable.astream(value, config)) as pieces:
        async for piece in pieces:
            if text := reading.take(piece):
                spoke = True
                yield text
    if text := reading.rest():
        yield text
    elif not spoke:
        raise NoAnswerError(
            "the Python object returned nothing" if reading.nothing
            else "the Python object answered without any text"
        )  # fmt: skip
    extras = reading.extras()
    if extras is not None:
        yield extras


def _adds(runnable: Any) -> bool | None:
    """Return whether the pieces of what a Runnable yields are increments, where its last step says it."""
    for _ in range(_STEPS):
        inner = getattr(runnable, "last", None) or getattr(runnable, "bound", None)
        if inner is None:
            break
        runnable = inner
    if is_a(runnable, "langchain_core.output_parsers.transform", "BaseCumulativeTransformOutputParser"):
        return False
    return True if is_a(runnable, "langchain_core.output_parsers.list", "ListOutputParser") else None
