"""Parts that are made when they are first asked for."""

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801  # used as `property` is
    """A property whose value is made once, by whichever thread is the first to ask.

    What it needs is imported there, so that a start, and a command, load what they use. Its owner has a
    `lock`, and keeps what was made in its dictionary, where a look finds it from then on.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: Any, kind: type) -> Self | T:
        """Return the value of an owner."""
        if owner is None:
            return self
        lock: RLock = owner.lock
        with lock:
            made: dict[str, T] = owner.__dict__
            if self._name not in made:
                made[self._name] = self._make(owner)
            return made[self._name]
