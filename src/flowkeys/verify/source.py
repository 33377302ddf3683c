"""What a verifier asks: where keys come from, and how fresh what it says of them is."""

from typing import Protocol

from flowkeys.domain.keys.decision import AccessRequest, Decision
from flowkeys.domain.keys.networks import Client


class Source(Protocol):
    """Decides about tokens. Safe to call from any thread."""

    def at_once(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision | None:
        """Return what `decide` returns, or None where that takes more than microseconds.

        Raises:
            Unavailable: the keys cannot be read.
        """
        ...

    def decide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision about what `client` presented as a token; may wait for it.

        Raises:
            Unavailable: the keys cannot be read, or the server cannot be asked.
        """
        ...

    async def adecide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return what `decide` returns, without keeping the event loop waiting."""
        ...

    def close(self) -> None:
        """Give back files, connections and threads."""
        ...
