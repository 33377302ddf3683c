"""What refusals need: a limit on failures, by address."""

from typing import Protocol


class FailureLimit(Protocol):
    """Counts credentials that failed, by the address that they came from. Never asked about a good one."""

    @property
    def burst(self) -> int:
        """How many failures may come at once."""
        ...

    @property
    def window_seconds(self) -> int:
        """After how many quiet seconds so many may come again."""
        ...

    def failed(self, address: str | None, now: int) -> int:
        """Count a failure and return 0, or return for how many seconds there have been too many.

        `now` is the time of the call, in microseconds.
        """
        ...
