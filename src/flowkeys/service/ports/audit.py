"""What services need of the audit log."""

from collections.abc import Collection, Iterator
from typing import Any, Protocol

from flowkeys.domain.audit.chain import ChainKey, Head
from flowkeys.domain.audit.entry import AuditChoices, AuditQuery, AuditRecord
from flowkeys.domain.audit.segments import Segment
from flowkeys.domain.audit.verification import SealedRow
from flowkeys.domain.listing import Page


class AuditChain(Protocol):
    """The chain of the audit log, through all workspaces, within one transaction."""

    def segments(self) -> list[Segment]:
        """Return the segments, oldest first."""
        ...

    def put_segment(self, segment: Segment) -> None:
        """Add a segment, or write its key anew."""
        ...

    def count(self) -> int:
        """Count the rows."""
        ...

    def head(self) -> Head:
        """Return the last row's number and seal."""
        ...

    def last_segment(self) -> int | None:
        """Return the segment of the last row."""
        ...

    def peek(self, seq: int) -> dict[str, Any] | None:
        """Return what a row says of itself, in whatever state it is."""
        ...

    def seal_all(self, key: ChainKey) -> None:
        """Seal every row that is there, in their order: for the beginning of the chain, and never again."""
        ...

    def rows(self) -> Iterator[SealedRow]:
        """Yield every row in the order of the chain, whatever somebody wrote there by hand."""
        ...


class AuditLog(Protocol):
    """The audit log as it is read, within one transaction."""

    def page(self, query: AuditQuery) -> Page[AuditRecord]:
        """Return the entries that match, newest first, and how many match in all."""
        ...

    def part(self, query: AuditQuery) -> list[AuditRecord]:
        """Return the entries that match, newest first, without counting all."""
        ...

    def names(self, workspace_id: str, ids: Collection[str]) -> dict[str, str]:
        """Return what things are called, or were called last, by their ids; nothing of what nobody knows."""
        ...

    def choices(self, workspace_id: str) -> AuditChoices:
        """Return who did something, and what was done."""
        ...
