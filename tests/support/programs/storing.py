"""A server that stores what it has counted when it is sent SIGUSR1, and says so.

Servers store it every few seconds. Where tests have another process beside that of their own, they would wait
for it again and again, or look at what is not there yet.
"""

import asyncio
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowkeys.bootstrap.runtime import Runtime
    from flowkeys.config import Settings

ASKED: Final = "TESTS_STORES_ON_SIGNAL"
"""In its environment; it is what the processes of tests are told by, and nothing of the program's."""
SAID: Final = b"all that was counted is stored\n"


async def everything(runtime: "Runtime") -> None:
    """Store what a server has counted, and what it remembers of uses."""
    while await runtime.usage.flush():
        pass
    for counted in (runtime.quotas, runtime.calls):
        assert await counted.flush(), "what was counted could not be stored"


def on_signal() -> None:
    """Have the server of this process, which has not begun yet, store when it is told to."""
    from flowkeys import bootstrap

    opened = bootstrap.open_runtime

    async def open_runtime(settings: "Settings") -> "Runtime":
        runtime = await opened(settings)
        asked: set[asyncio.Task[None]] = set()  # a loop keeps no task from being collected

        async def store() -> None:
            await everything(runtime)
            print(SAID.decode(), end="", flush=True)

        def begin() -> None:
            task = asyncio.ensure_future(store())
            asked.add(task)
            task.add_done_callback(asked.discard)

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin)
        return runtime

    bootstrap.open_runtime = open_runtime
