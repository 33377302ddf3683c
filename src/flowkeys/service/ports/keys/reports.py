"""What services need of the reports about keys."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from flowkeys.domain.keys.report import Report


class KeyReports(Protocol):
    """The keys that somebody should look at, within one transaction."""

    def fetch(
        self, workspace_id: str, report: Report, now: int, limit: int, offset: int
    ) -> tuple[list[str], int]:
        """Return the ids of a report's keys, the first made first, and how many there are; no limit: none."""
        ...

    def since(self, report: Report) -> int | None:
        """Return from when on it is recorded what a report rests on, or None: from the beginning."""
        ...

    def unused_permissions(self, workspace_id: str, key_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the permissions that keys hold and have not used, sorted."""
        ...

    def note_permissions(self, used: Mapping[str, Collection[str]], now: int) -> None:
        """Note that keys, by their ids, have used permissions; what was noted before stays."""
        ...
