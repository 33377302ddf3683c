"""Python objects that flows may run: those that the operator listed, imported when first run."""

import asyncio
import functools
import inspect
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from importlib import import_module
from typing import Any, TypeVar

import msgspec

from flowkeys.domain.errors import ConfigurationError
from flowkeys.flows.containment import DaemonThreads
from flowkeys.flows.objects import langchain
from flowkeys.flows.objects.answers import TEXT_FIRST, Extras, NoAnswerError, NotTextError
from flowkeys.flows.objects.reading import Reading
from flowkeys.flows.settings import FlowSettings

T = TypeVar("T")

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_END = object()


class Question(msgspec.Struct, frozen=True):
    """What a Python object is given."""

    text: str
    history: Callable[[], Awaitable[list[dict[str, str]]]]
    """Loads the earlier messages; called only for objects that take them."""
    session_id: str


Piece = str | Extras
Answer = Callable[[Question], AsyncGenerator[Piece, None]]


class PythonTargets:
    """The operator's list, and what has been imported from it.

    Callables that are not async run in threads of their own. A thread cannot be interrupted: when a call is
    cancelled its thread goes on to the end, and what it returns is dropped.
    """

    def __init__(self, settings: FlowSettings) -> None:
        """Read the list.

        Raises:
            ConfigurationError: an entry is not ``module:attribute``.
        """
        for target in settings.python_targets:
            if _TARGET.fullmatch(target) is None:
                raise ConfigurationError(f"The Python target {target!r} is not of the form module:attribute.")
        self._listed = frozenset(settings.python_targets)
        self._threads = settings.python_threads
        self._answers: dict[str, Answer] = {}
        self._importing = asyncio.Lock()
        self._importer: DaemonThreads | None = None
        """One is imported at a time, and waits for none that runs."""
        self._pool: DaemonThreads | None = None

    def refusal(self, target: str) -> str | None:
        """Return why a flow may not run a target, or None. Imports nothing."""
        if not target:
            return "no Python target is named."
        if target not in self._listed:
            return f"the Python target {target!r} is not among those that this server's configuration allows."
        return None

    async def load(self, target: str) -> Answer:
        """Return what answers for a target, importing it at its first use, in a thread.

        Raises:
            PermissionError: it is not on the list.
            Exception: whatever importing it raises.
        """
        answer = self._answers.get(target)
        if answer is not None:
            return answer
        if target not in self._listed:
            raise PermissionError(target)
        async with self._importing:
            if target not in self._answers:
                if self._importer is None:
                    self._importer = DaemonThreads(1, "flowkeys-import")
                found = await self._importer.run(functools.partial(_find, target))
                self._answers[target] = self._answer(found)
        return self._answers[target]

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what a function that may block returns."""
        if self._pool is None:
            self._pool = DaemonThreads(self._threads, "flowkeys-python")
        return await self._pool.run(functools.partial(function, *arguments))

    def close(self) -> None:
        """Let go of the threads at once; those that run go on to their end, or to that of the process."""
        for pool in (self._importer, self._pool):
            if pool is not None:
                pool.close()
        self._importer = self._pool = None

    def _answer(self, found: Any) -> Answer:
        streaming = langchain.adapt(found)
        if streaming is not None:

            def runnable(question: Question) -> AsyncGenerator[Piece, None]:
                return streaming(question.text, question.history, question.session_id)

            return runnable
        if not callable(found):
            raise NotTextError(type(found).__name__)
        return functools.partial(self._call, found, _is_async(found), _accepted(found))

    async def _call(
        self, function: Any, is_async: bool, accepted: frozenset[str], question: Question
    ) -> AsyncGenerator[Piece, None]:
        keywords: dict[str, Any] = {}
        if "history" in accepted:
            keywords["history"] = await question.history()
        if "session_id" in accepted:
            keywords["session_id"] = question.session_id
        if is_async:
            result = function(question.text, **keywords)
        else:
            result = await self.in_thread(functools.partial(function, question.text, **keywords))
        if inspect.isawaitable(result):
            result = await result
        if result is None:
            raise NoAnswerError("the Python object returned nothing")
        reading = Reading(names=TEXT_FIRST)
        async with aclosing(self._returned(result)) as pieces:
            async for piece in pieces:
                yield reading.take(piece)
        yield reading.rest()
        extras = reading.extras()
        if extras is not None:
            yield extras

    async def _returned(self, result: Any) -> AsyncGenerator[Any, None]:
        """Yield what a callable returned, or what that yields."""
        if isinstance(result, AsyncIterator):
            async with aclosing(_closable(result)) as pieces:
                async for piece in pieces:
                    yield piece
        elif isinstance(result, Iterator):
            while (piece := await self.in_thread(next, result, _END)) is not _END:
                yield piece
        else:
            yield result


def _find(target: str) -> Any:
    module, _, path = target.partition(":")
    found: Any = sys.modules.get(module) or import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _is_async(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004  # of an instance, to look into it
    return any(inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f) for f in (function, called))


def _accepted(function: Any) -> frozenset[str]:
    """Return which of the keyword arguments a callable takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return frozenset()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return frozenset({"history", "session_id"})
    return frozenset(p.name for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD})


async def _closable(pieces: AsyncIterator[Any]) -> Any:
    try:
        async for piece in pieces:
            yield piece
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
