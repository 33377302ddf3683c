"""Processes that fork: what their parent opened is not theirs."""

import os
from typing import Protocol
from weakref import WeakSet


class Opened(Protocol):
    """Something that holds threads or connections."""

    def begin(self) -> None:
        """Begin anew, without touching what was open."""
        ...


_opened: WeakSet[Opened] = WeakSet()


def begin_again_after(opened: Opened) -> None:
    """See to it that `opened` begins anew in each process that is forked off this one."""
    _opened.add(opened)


def _begin_again() -> None:
    for each in list(_opened):
        each.begin()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_begin_again)
