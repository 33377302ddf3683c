"""What templates are given of a run."""

from collections.abc import Mapping
from typing import Any, Protocol


class Budget(Protocol):
    """Counts what a run comes to."""

    def take_bytes(self, count: int) -> None:
        """Count so many characters.

        Raises:
            RunLimitExceeded: they are more than the run may come to.
        """
        ...


class Scope(Protocol):
    """What variables can refer to during one run."""

    asked: str
    attached: str
    form: Mapping[str, Any]
    variables: Mapping[str, str]
    outputs: dict[str, Mapping[str, Any]]
    loop_count: int
    item: Any

    @property
    def flow(self) -> Mapping[str, Any]:
        """What ``{{ $flow… }}`` stands for."""
        ...

    @property
    def limits(self) -> Budget:
        """What the run may still come to."""
        ...

    def history_text(self) -> str:
        """Return the earlier messages as text."""
        ...

    def time_text(self) -> str:
        """Return the time of the call."""
        ...

    def messages_in_run(self) -> int:
        """Return how many messages the run itself has made."""
        ...
