"""Running code of others so that what it raises ends its own call and nothing else.

``SystemExit`` and ``KeyboardInterrupt`` in a task would stop the event loop, and with it the server; a
``CancelledError`` that nobody asked for would look like a reader who went away. Here they are errors. Threads
are daemons: one that hangs does not keep the process from ending.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_INSIDE: ContextVar[bool] = ContextVar("flowkeys_inside_a_target", default=False)


def is_inside() -> bool:
    """Tell whether this is asked in the context of a target, its tasks and threads included."""
    return _INSIDE.get()


class EndedError(Exception):
    """Code of others raised what is no ordinary error; the message names its type."""


async def contained(work: Awaitable[T]) -> T:
    """Return what `work` returns. It is cancelled with this task; by nobody else.

    Raises:
        EndedError: it raised SystemExit, KeyboardInterrupt, GeneratorExit, or an unasked CancelledError.
        Exception: whatever else it raises.
    """
    _contain_tasks(asyncio.get_running_loop())
    token = _INSIDE.set(True)
    try:
        return await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise EndedError("CancelledError") from error
    except Exception:
        raise
    except BaseException as error:
        raise EndedError(type(error).__name__) from error
    finally:
        with contextlib.suppress(ValueError):  # a task that is thrown away is closed in another context
            _INSIDE.reset(token)


def _contain_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Have the tasks that targets make, LangGraph's for example, raise errors too; others are as before."""
    before = loop.get_task_factory()
    if isinstance(before, _Factory):
        return
    loop.set_task_factory(_Factory(before))


class _Factory:
    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> Any:
        work = _Contained(coro) if _INSIDE.get() else coro
        if self._before is not None:
            return self._before(loop, work, **more)
        return asyncio.Task(work, loop=loop, **more)


class _Contained(Coroutine[Any, Any, Any]):
    """A coroutine that does not take the event loop along."""

    def __init__(self, coro: Any) -> None:
        self._coro = coro

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """Go on."""
        return self._kept(self._coro.send, value)

    def throw(self, *error: Any) -> Any:
        """Go on with an error."""
        return self._kept(self._coro.throw, *error)

    def close(self) -> None:
        """End."""
        self._coro.close()

    @staticmethod
    def _kept(step: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return step(*arguments)
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            raise EndedError(type(error).__name__) from error


class DaemonThreads:
    """Threads for functions that may block, made when needed and at most so many."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0

    async def run(self, function: Callable[[], T]) -> T:
        """Return what a function returns; when cancelled, it goes on and its result is dropped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._unfinished += 1
            if self._unfinished > self._threads and self._threads < self._most:
                name = f"{self._name}_{self._threads}"
                self._threads += 1
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        self._work.put((function, loop, future))
        return await future

    def close(self) -> None:
        """Drop what waits, and let the threads end once they are done; waits for none."""
        with contextlib.suppress(Empty):
            while True:
                _, loop, future = self._work.get_nowait()
                _tell(loop, future.cancel)
        for _ in range(self._threads):
            self._work.put(None)

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            function, loop, future = item
            if not future.cancelled():
                _run(function, loop, future)
            del item, function, loop, future  # a thread that waits keeps nothing alive
            with self._lock:
                self._unfinished -= 1


def _run(function: Callable[[], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
    try:
        result = function()
    except StopIteration as error:  # a future cannot carry it
        _tell(loop, _settle, future, _because(RuntimeError("StopIteration"), error), None)
    except Exception as error:  # noqa: BLE001  # whoever waits for it is told
        _tell(loop, _settle, future, error, None)
    except BaseException as error:  # noqa: BLE001  # not even this ends a thread, or the process
        _tell(loop, _settle, future, _because(EndedError(type(error).__name__), error), None)
    else:
        _tell(loop, _settle, future, None, result)


def _because(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def _settle(future: asyncio.Future[Any], error: Exception | None, result: Any) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(function, *arguments)
