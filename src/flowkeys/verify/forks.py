"""Processes that fork: what their parent opened is not theirs.

A child has only the thread that forked. What another thread held at that time, in SQLite for example, is
held there for ever. So nobody uses what is open while a process forks, and the child begins anew.
"""

# First, so that its own lock is taken after ours: what is to be done before a fork is done in reverse.
import concurrent.futures.thread  # noqa: F401
import os
import threading
from typing import Protocol
from weakref import WeakSet


class Opened(Protocol):
    """Something that holds threads or connections."""

    def hold(self) -> None:
        """Wait until no thread uses what is open, and let none begin; the same thread may call it again."""
        ...

    def let_go(self) -> None:
        """Let threads use it again, after each `hold`; called by the thread that held it."""
        ...

    def begin(self) -> None:
        """Begin anew, held by nobody, in the child."""
        ...


class Forks:
    """What is held while this process forks."""

    def __init__(self) -> None:
        self._opened: WeakSet[Opened] = WeakSet()
        self._lock = threading.RLock()
        """One fork at a time. It may be taken again: a signal handler may fork wherever its thread is."""
        self._held: list[list[Opened]] = []
        """Strong references, so that what was held is let go."""

    def add(self, opened: Opened) -> None:
        """Hold `opened` from now on while this process forks, as long as somebody has it."""
        with self._lock:
            self._opened.add(opened)

    def hold(self) -> None:
        """Hold everything: the process is about to fork."""
        self._lock.acquire()
        held = list(self._opened)
        self._held.append(held)
        for opened in held:
            opened.hold()

    def let_go(self) -> None:
        """Let go what was held: the process goes on as before."""
        for opened in self._held.pop():
            opened.let_go()
        self._lock.release()

    def begin_again(self) -> None:
        """Begin everything anew: this is the child. What cannot begin keeps nothing else from it."""
        failures = []
        for opened in self._held.pop():
            try:
                opened.begin()
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        self._held.clear()
        self._lock = threading.RLock()
        if failures:
            raise failures[0]


_forks = Forks()


def begin_again_after(opened: Opened) -> None:
    """See to it that `opened` is used by nobody while this process forks, and begins anew in the child."""
    _forks.add(opened)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_forks.hold, after_in_parent=_forks.let_go, after_in_child=_forks.begin_again)
