"""Look-ups that have to be waited for, shared by all who want the same at one time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

PATIENCE_SECONDS: Final = (0.0, 0.0, 0.02, 0.05, 0.1, 0.2)
"""What was read without a change that has been told of is read again after these times: it is from before, or
of a copy of the database that is behind."""


class SharedLookUps(Generic[Key, Value]):
    """One look-up for each thing at a time. Who stops waiting takes nothing from the others."""

    def __init__(self) -> None:
        self._under_way: dict[Key, asyncio.Future[Value]] = {}

    async def ask(self, key: Key, look_up: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Return what a look-up that is under way finds, or the one that this begins."""
        asked = self._under_way.get(key)
        if asked is None:
            asked = self._under_way[key] = asyncio.ensure_future(look_up())
            asked.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(asked)

    def start_anew(self) -> None:
        """Let those who come from now on ask for themselves, and not wait for what was asked before."""
        self._under_way = {}

    def _end(self, key: Key, done: "asyncio.Future[Value]") -> None:
        if self._under_way.get(key) is done:
            del self._under_way[key]
        if not done.cancelled():
            done.exception()  # each who waited has heard of it, and perhaps nobody waits any more
