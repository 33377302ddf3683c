"""What one run may do: how many steps, how long, how much it may come to, and how often it may call out.

Loops, the rounds of an iteration and of an agent, and runs inside a run share it. The time during which a run
waits for a person is not counted.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.waiting import Saved

T = TypeVar("T")

_STEPS: Final = "steps"
_SECONDS: Final = "seconds"
_BYTES: Final = "bytes"
_CALLS: Final = "calls"
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    _STEPS: ("take {:,} steps", "look for a loop that does not end"),
    _SECONDS: ("take {:,} seconds", "look for what it waits for, or does so often"),
    _BYTES: ("come to {:,} bytes", "look for texts that repeat each other, and for long answers of services"),
    _CALLS: ("call out {:,} times", "look for a loop, or an agent, that goes on calling"),
}


class Limits:
    """What is left to a run of what the operator allows one."""

    __slots__ = ("_seconds", "_settings", "_until", "bytes_left", "calls_left", "steps_left")

    def __init__(self, settings: FlowSettings) -> None:
        """Begin with all of it."""
        self._settings = settings
        self.steps_left = settings.run_steps
        self.bytes_left = settings.run_bytes
        self.calls_left = settings.run_calls
        self._seconds: float = settings.run_seconds
        self._until: float | None = None
        """When its time is over, as the event loop has it; None before it waits for anything."""

    def take_step(self) -> None:
        """Count a step.

        Raises:
            RunLimitExceeded: it is one more than the operator allows.
        """
        self.steps_left -= 1
        if self.steps_left < 0:
            raise self._exceeded(_STEPS, self._settings.run_steps)

    def take_bytes(self, count: int) -> None:
        """Count what the run makes, and keeps for a while: texts of characters, or bytes.

        Raises:
            RunLimitExceeded: it comes to more than the operator allows.
        """
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise self._exceeded(_BYTES, self._settings.run_bytes)

    def take_call(self) -> None:
        """Count a call to a model or a service; to be done before it is made.

        Raises:
            RunLimitExceeded: it is one more than the operator allows.
        """
        self.calls_left -= 1
        if self.calls_left < 0:
            raise self._exceeded(_CALLS, self._settings.run_calls)

    async def in_time(self, work: Awaitable[T]) -> T:
        """Return what `work` returns, which is cancelled when the time of the run is over.

        Raises:
            RunLimitExceeded: it is.
        """
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until) as timer:
                return await work
        except TimeoutError:
            if not timer.expired():
                raise
        raise self._exceeded(_SECONDS, self._settings.run_seconds)

    @property
    def seconds_left(self) -> float:
        """How long the run may still take."""
        if self._until is None:
            return self._seconds
        return self._until - asyncio.get_running_loop().time()

    def go_on(self, saved: Saved) -> None:
        """Begin with what was left to a run that waited."""
        self.steps_left = saved.steps_left
        if saved.bytes_left is not None:
            self.bytes_left = saved.bytes_left
        if saved.calls_left is not None:
            self.calls_left = saved.calls_left
        if saved.seconds_left is not None:
            self._seconds = saved.seconds_left

    def _exceeded(self, limit: str, most: float) -> RunLimitExceeded:
        may, advice = _WORDS[limit]
        return RunLimitExceeded(
            f"One run of a chatflow may {may.format(most)} on this server, and this one would do more. In "
            f"the chatflow, {advice}; or have the server's operator allow more: FLOWKEYS_RUN_{limit.upper()}."
        )
