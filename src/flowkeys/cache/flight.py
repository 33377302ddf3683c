"""Look-ups that have to be waited for, shared by all who want the same at one time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

PATIENCE_SECONDS: Final = (0.0, 0.0, 0.02, 0.05, 0.1, 0.2)
"""What was read without a change that has been told of is read again after these times: it is from before, or
of a copy of the database that is behind."""


class _LeftAlone(Exception):
    """Who looked it up stopped waiting, and nobody else is at it."""


class _Flight(Generic[Value]):
    """A look-up under way, and what others who want the same wait for."""

    __slots__ = ("others",)

    def __init__(self) -> None:
        self.others: asyncio.Future[Value] | None = None


class SharedLookUps(Generic[Key, Value]):
    """One look-up for each thing at a time, by the first who asks. Who stops waiting takes nothing away."""

    def __init__(self) -> None:
        self._under_way: dict[Key, _Flight[Value]] = {}

    async def ask(self, key: Key, look_up: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Return what a look-up that is under way finds, or the one that this begins."""
        while (flight := self._under_way.get(key)) is not None:
            if flight.others is None:
                flight.others = asyncio.get_running_loop().create_future()
            try:
                return await asyncio.shield(flight.others)
            except _LeftAlone:
                continue  # the next of them looks it up
        flight = self._under_way[key] = _Flight()
        try:
            value = await look_up()
        except BaseException as error:
            self._end(key, flight)
            if flight.others is not None:
                flight.others.set_exception(error if isinstance(error, Exception) else _LeftAlone())
                flight.others.exception()  # perhaps nobody waits any more
            raise
        self._end(key, flight)
        if flight.others is not None:
            flight.others.set_result(value)
        return value

    def start_anew(self) -> None:
        """Let those who come from now on ask for themselves, and not wait for what was asked before."""
        self._under_way = {}

    def _end(self, key: Key, flight: _Flight[Value]) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
