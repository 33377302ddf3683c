"""Reading the chain from its first row to its last, and naming the first that is not as it was written."""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, pairwise
from typing import Any, Literal, NamedTuple

import msgspec

from flowkeys.domain.audit.chain import EMPTY, SEAL_BYTES, ChainKey, Head

Kind = Literal["changed", "removed", "put_in", "cut", "replaced"]


class SealedRow(NamedTuple):
    """A row as it stands in the database, whatever somebody wrote there."""

    values: tuple[Any, ...]
    """Of `chain.COLUMNS`."""
    seal: Any

    @property
    def seq(self) -> int:
        """The row's number."""
        seq: int = self.values[0]
        return seq

    @property
    def segment(self) -> Any:
        """The segment that it says it belongs to."""
        return self.values[-1]

    @property
    def seal_bytes(self) -> bytes:
        """Its seal; none where there is something else."""
        return self.seal if isinstance(self.seal, bytes) else b""


class Fault(msgspec.Struct, frozen=True):
    """The first row with which something is wrong."""

    kind: Kind
    seq: int
    message: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    rows: int
    """How many were read before the end or the fault."""
    head: Head
    """The end of the chain, where nothing is wrong."""
    fault: Fault | None = None
    unverified: tuple[tuple[int, int], ...] = ()
    """Rows, from and to, that nobody can verify: the secret that their key is kept under is not there."""


def verify(
    rows: Iterable[SealedRow],
    keys: Mapping[int, ChainKey],
    lost: Iterable[int] = (),
    *,
    found_to: int = 0,
    kept: Head | None = None,
) -> Verified:
    """Verify the chain.

    `keys` are those of the segments, by id; `lost` the segments whose keys nobody has any more; `found_to`
    the last row that was there before the chain began; `kept` a head that was kept elsewhere.
    """
    state = _State(dict(keys), frozenset(lost), found_to, kept)
    fault = state.read(rows) or state.end()
    return Verified(
        rows=state.rows,
        head=Head(*state.last),
        fault=fault,
        unverified=tuple(map(tuple, state.unverified)),  # type: ignore[arg-type]
    )


class _State:
    def __init__(
        self, keys: dict[int, ChainKey], lost: frozenset[int], found_to: int, kept: Head | None
    ) -> None:
        self._keys = keys
        self._lost = lost
        self._found_to = found_to
        self._kept = kept
        self._met = kept is None
        self.rows = 0
        self.last = EMPTY
        self.unverified: list[list[int]] = []

    def read(self, rows: Iterable[SealedRow]) -> Fault | None:
        behind: Iterator[SealedRow | None] = chain(rows, (None,))
        for row, following in pairwise(behind):
            assert row is not None
            fault = self._look(row, following)
            if fault is not None:
                return fault
            self.rows += 1
            self.last = Head(row.seq, row.seal_bytes)
            if self._kept is not None and row.seq == self._kept.seq:
                if not hmac.compare_digest(row.seal_bytes, self._kept.seal):
                    return Fault(
                        "replaced",
                        row.seq,
                        f"Row {row.seq} is not the one that the head names: it, or rows before it, were "
                        "written anew.",
                    )
                self._met = True
        return None

    def end(self) -> Fault | None:
        if self._kept is None or self._met:
            return None
        if self.last.seq < self._kept.seq:
            first = self.last.seq + 1
            return Fault(
                "cut", first, f"The end was cut: the head names row {self._kept.seq}, and {_last(self.last)}."
            )
        return Fault("removed", self._kept.seq, f"Row {self._kept.seq}, which the head names, was removed.")

    def _look(self, row: SealedRow, following: SealedRow | None) -> Fault | None:
        if row.segment in self._lost and len(row.seal_bytes) == SEAL_BYTES:
            if self.unverified and self.unverified[-1][1] == self.last.seq:
                self.unverified[-1][1] = row.seq
            else:
                self.unverified.append([row.seq, row.seq])
            return self._gap(row, self._found_to)
        if self._fits(row, self.last.seal):
            return self._gap(row, self._found_to)
        if not isinstance(row.seal, bytes) or (following and self._fits(following, self.last.seal)):
            return Fault("put_in", row.seq, f"Row {row.seq} was put in: it was not written by flowkeys.")
        return self._gap(row) or Fault("changed", row.seq, f"Row {row.seq} was changed.")

    def _fits(self, row: SealedRow, before: bytes) -> bool:
        key = self._keys.get(row.segment) if isinstance(row.segment, int) else None
        if key is None:
            return False
        try:
            return hmac.compare_digest(key.seal(before, row.values), row.seal_bytes)
        except (UnicodeEncodeError, OverflowError):  # somebody wrote what is no text
            return False

    def _gap(self, row: SealedRow, unless_to: int = 0) -> Fault | None:
        """Return which rows are missing before `row`. No number was left out since the chain began."""
        first, last = self.last.seq + 1, row.seq - 1
        if first > last or row.seq <= unless_to:
            return None
        which = f"Row {first} was" if first == last else f"Rows {first} to {last} were"
        return Fault("removed", first, f"{which} removed.")


def _last(head: Head) -> str:
    return f"the last is row {head.seq}" if head.seq else "there is none"
