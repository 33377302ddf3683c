"""What services need of the reports about keys."""

from typing import Protocol

from flowkeys.domain.keys.report import Report


class KeyReports(Protocol):
    """The keys that somebody should look at, within one transaction."""

    def fetch(
        self, workspace_id: str, report: Report, now: int, limit: int, offset: int
    ) -> tuple[list[str], int]:
        """Return the ids of a report's keys, the first made first, and how many there are; no limit: none."""
        ...
