"""How much of what was recorded is answered as Flowise answered it."""

from collections import Counter
from collections.abc import Mapping

from tests.flowise.comparing import differences
from tests.flowise.recordings import Recording
from tests.flowise.replaying import Replay


class Share:
    """Counts requests by kind, and keeps what differed."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, list[str]]] = {}
        """What differs, by recording and exchange, the rows of docs/flowise.md applied."""
        self._all: Counter[str] = Counter()
        self._with: Counter[str] = Counter()
        self._without: Counter[str] = Counter()

    @property
    def differing(self) -> Mapping[str, list[str]]:
        """The names of exchanges that differ, by recording."""
        return {
            name: [exchange for exchange, found in exchanges.items() if found]
            for name, exchanges in self.found.items()
        }

    def add(self, recording: Recording, replay: Replay) -> Mapping[str, list[str]]:
        """Replay a recording; return what differs, by exchange."""
        found = self.found[recording.name] = {}
        replay.save(recording)
        for recorded, ours in replay.exchanges(recording):
            found[recorded.name] = differences(recording, recorded, ours, allowed=True)
            self._all[recording.kind] += 1
            self._with[recording.kind] += not found[recorded.name]
            self._without[recording.kind] += not differences(recording, recorded, ours, allowed=False)
        return found

    def table(self) -> str:
        """Return the shares as a table."""
        lines = [f"{'kind':12} {'requests':>9} {'agree':>6} {'share':>6} {'without the rows':>17}"]
        rows = [(kind, self._all[kind], self._with[kind], self._without[kind]) for kind in sorted(self._all)]
        rows.append(("all", *(sum(counts.values()) for counts in (self._all, self._with, self._without))))
        lines += [
            f"{kind:12} {count:9} {agree:6} {agree / max(count, 1):6.0%} {strict / max(count, 1):17.0%}"
            for kind, count, agree, strict in rows
        ]
        return "\n".join(lines)
