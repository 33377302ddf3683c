"""A chatflow that is made from documents while somebody waits, as every process of a database knows it."""

from enum import StrEnum
from typing import Final

import msgspec

from flowkeys.domain.errors import FieldError
from flowkeys.domain.times import SECOND

TELL_SECONDS: Final = 1.0
"""How often the process that runs an import says how far it is, and learns whether it is to stop."""
SILENT_SECONDS: Final = 30
"""Of an import of which nothing was heard for so long the process has ended."""


class State(StrEnum):
    """Where an import is."""

    RUNNING = "running"
    MADE = "made"
    FAILED = "failed"
    STOPPED = "stopped"
    """By who began it."""
    INTERRUPTED = "interrupted"
    """By the end of its process, which kept nothing of it."""
    LOST = "lost"
    """Its process ended without a word, or has not been heard of. It is never stored."""


class ImportJob(msgspec.Struct, kw_only=True):
    """One import. Its process changes it as it goes; others have it as it was last stored."""

    id: str
    workspace_id: str
    owner: str
    """Who began it, and alone may see it: a principal's id, or its kind where it has none."""
    once: str | None
    """Names the form that began it."""
    name: str
    total: int
    """How many files there are."""
    done: int = 0
    """How many files were read or refused so far."""
    refused: int = 0
    state: State = State.RUNNING
    is_stopping: bool = False
    """Whether its owner wants it stopped."""
    chatflow_id: str | None = None
    errors: tuple[FieldError, ...] = ()
    """Why files were left out, or why nothing was made; each message about a file names it."""
    begun_at: int
    told_at: int
    """When its process last said how far it is. Both by the clock that all go by (`Processes.now`)."""

    def as_seen(self, now: int) -> State:
        """Return where it is, for who is not its process; a clock that was set back makes none go on."""
        if self.state is State.RUNNING and abs(now - self.told_at) >= SILENT_SECONDS * SECOND:
            return State.LOST
        return self.state
