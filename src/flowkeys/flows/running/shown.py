"""The nodes that have run, as they are shown and sent."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from flowkeys.flows.context import Run
from flowkeys.service.ports.flows import Emit, Event

REPEATED_BYTES: Final = 1_000_000
AT_ONCE: Final = 16
"""So many steps that nobody reads as they come are counted together: most runs have fewer."""
_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


def size_of(entries: Any) -> int:
    """Return how many bytes of JSON the entries of steps come to."""
    return len(_ENCODER.encode(entries))


class Shown:
    """The nodes that have run, sent as Flowise does: after each node, all that there are so far.

    Repeated without end that grows with the square of their number. Once `REPEATED_BYTES` have been sent,
    the list is kept back, and sent one last time when it is complete.
    """

    def __init__(self, run: Run, emit: Emit) -> None:
        self._is_read = run.call.streamed
        self.entries: list[dict[str, Any]] = [] if run.call.entries is None else run.call.entries
        self._emit = emit
        self._size = 0
        self._left = REPEATED_BYTES
        self._unsent = 0
        self._limits = run.limits
        self._uncounted = 0

    def add(self, entry: dict[str, Any]) -> None:
        """Add a node that has run.

        Raises:
            RunLimitExceeded: the run comes to more than it may.
        """
        if not self._is_read:
            self._uncounted += 1
            if self._uncounted == AT_ONCE:
                self._uncounted = 0
                self._limits.take_bytes(size_of([*self.entries[1 - AT_ONCE :], entry]))
            self.entries.append(entry)
            return
        size = size_of(entry)
        self._limits.take_bytes(size)
        self.entries.append(entry)
        self._size += size
        self._unsent += 1

    def end(self, entry: dict[str, Any]) -> None:
        """Add the node at which a run fails, however much that has come to."""
        self.entries.append(entry)
        self._unsent += self._is_read

    async def send(self, *, last: bool = False) -> None:
        """Send the list, if it has grown and may be repeated; the last one in any case."""
        if not self._unsent or (self._size > self._left and not last):
            return
        self._left -= self._size
        self._unsent = 0
        await self._emit(Event("agentFlowExecutedData", list(self.entries)))


class Inside(Shown):
    """The nodes of a round, which are told apart from others, and are sent with those around them."""

    def __init__(self, run: Run, members: Mapping[str, Any]) -> None:
        super().__init__(run, run.emit)
        self.entries = []
        self._members = members

    def add(self, entry: dict[str, Any]) -> None:
        """Add a node that has run."""
        self.entries.append(entry)

    def told(self) -> Iterator[dict[str, Any]]:
        """Yield the nodes as they are shown with those around them."""
        for entry in self.entries:
            yield {**entry, "data": {**entry["data"], **self._members}}

    async def send(self, *, last: bool = False) -> None:
        """Send nothing, but where somebody is asked."""
        if last:
            await self._emit(Event("agentFlowExecutedData", list(self.entries)))
