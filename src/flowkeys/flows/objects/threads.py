"""The threads of the server's event loop: its own work is never behind what Python flows wait for.

``asyncio.to_thread``, LangChain's ``ainvoke`` of what is not async and name look-ups of some loops all take
the loop's default executor. A target that blocks there would hold the threads that making a chatflow, drawing
it or loading the pages need. So what is asked for inside a target goes to threads of its own.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from flowkeys.flows.containment import is_inside

T = TypeVar("T")


class LoopThreads(ThreadPoolExecutor):
    """A default executor that tells our own work from that of targets by the context in which it is asked.

    Our own has as many threads as Python gives a loop, four more than there are processors: it is short, and
    waits for the interpreter or a disk and for nobody else. Targets wait for other machines, so how many may
    is a setting; what finds no thread free waits for one, as everywhere in Python.
    """

    def __init__(self, most: int) -> None:
        """Let what targets start hold at most so many threads."""
        super().__init__(thread_name_prefix="flowkeys-own")
        self._targets = ThreadPoolExecutor(most, thread_name_prefix="flowkeys-target")

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a function in a thread of the one kind or the other."""
        if is_inside():
            return self._targets.submit(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more; `wait` until what runs has ended."""
        self._targets.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)
