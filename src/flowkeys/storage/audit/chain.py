"""The chain of the audit log within one transaction: appending to it, its segments, reading it whole."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import bindparam, column, func, insert, select, table, text, update

from flowkeys.domain.audit.chain import COLUMNS, EMPTY, ChainKey, Head
from flowkeys.domain.audit.segments import Segment
from flowkeys.domain.audit.verification import SealedRow
from flowkeys.storage.elements import upsert
from flowkeys.storage.schema import audit, audit_segment
from flowkeys.storage.statement import Connection, Insertion, Statement

_VALUES: Final = COLUMNS[1:-1]
_ALL: Final = [audit.c[name] for name in COLUMNS]
_INSERT: Final = Insertion(lambda rows: insert(audit).values(rows), [*COLUMNS, "seal"], by_halves=True)
_unsealed = table("audit_unsealed", *(column(name, audit.c[name].type) for name in _VALUES))
_WAIT: Final = Insertion(lambda rows: insert(_unsealed).values(rows), _VALUES)
_LAST: Final = Statement(select(audit.c.seq, audit.c.seal).order_by(audit.c.seq.desc()).limit(1))
# The greatest number that was ever given out: so that it shows when the end was cut.
_GIVEN_OUT: Final = Statement(text("SELECT seq FROM sqlite_sequence WHERE name = 'audit'"))
_SEGMENTS: Final = Statement(select(audit_segment).order_by(audit_segment.c.id))
_put = upsert(audit_segment)
_PUT_SEGMENT: Final = Statement(
    _put.on_conflict_do_update(
        index_elements=["id"], set_={c.name: _put.excluded[c.name] for c in audit_segment.c if c.name != "id"}
    ),
    [c.name for c in audit_segment.c],
)
_COUNT: Final = Statement(select(func.count()).select_from(audit))
_PART: Final = Statement(
    select(*_ALL).where(audit.c.seq > bindparam("behind")).order_by(audit.c.seq).limit(1000)
)
_SEAL: Final = Statement(update(audit).where(audit.c.seq == bindparam("row")), ["segment", "seal"])
_READ: Final = Statement(select(*_ALL, audit.c.seal).order_by(audit.c.seq))
_PEEKED: Final = ("at", "actor_type", "actor_name", "action", "subject", "subject_id")
_PEEK: Final = Statement(select(*(audit.c[name] for name in _PEEKED)).where(audit.c.seq == bindparam("row")))
_LAST_SEGMENT: Final = Statement(select(audit.c.segment).order_by(audit.c.seq.desc()).limit(1))


class AuditChainTable:
    """Implements the port `AuditChain`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def segments(self) -> list[Segment]:
        """Return the segments, oldest first."""
        return [Segment(**row) for row in self._rows(_SEGMENTS)]

    def put_segment(self, segment: Segment) -> None:
        """Add a segment, or write its key anew."""
        self._connection.run(
            _PUT_SEGMENT, {name: getattr(segment, name) for name in Segment.__struct_fields__}
        )

    def count(self) -> int:
        """Count the rows."""
        row = self._connection.row(_COUNT)
        return row[0] if row else 0

    def head(self) -> Head:
        """Return the last row's number and seal."""
        last = self._connection.row(_LAST)
        return Head(last[0], last[1] or b"") if last else EMPTY

    def last_segment(self) -> int | None:
        """Return the segment of the last row."""
        last = self._connection.row(_LAST_SEGMENT)
        return last[0] if last else None

    def peek(self, seq: int) -> dict[str, Any] | None:
        """Return what a row says of itself, in whatever state it is."""
        with self._connection.texts_as(_printable):
            row = self._connection.row(_PEEK, {"row": seq})
        if row is None:
            return None
        return {
            name: repr(value) if isinstance(value, bytes) else value
            for name, value in zip(_PEEKED, row, strict=True)
        }

    def seal_all(self, key: ChainKey) -> None:
        """Seal every row that is there, in their order: for the beginning of the chain."""
        last = EMPTY
        while rows := self._connection.rows(_PART, {"behind": last.seq}):
            sealed = []
            for row in rows:
                seal = key.seal(last.seal, (*row[:-1], key.segment))
                last = Head(row[0], seal)
                sealed.append({"row": last.seq, "segment": key.segment, "seal": seal})
            self._connection.run_many(_SEAL, sealed)

    def rows(self) -> Iterator[SealedRow]:
        """Yield every row in the order of the chain, whatever somebody wrote there by hand."""
        with self._connection.texts_as(_text), closing(self._connection.each(_READ, {})) as cursor:
            for row in cursor:
                yield SealedRow(tuple(row[:-1]), row[-1])

    def _rows(self, statement: Statement) -> Iterator[dict[str, Any]]:
        for row in self._connection.rows(statement):
            yield dict(zip(Segment.__struct_fields__, row, strict=True))


def append(connection: Connection, entries: Sequence[tuple[Mapping[str, Any], ChainKey | None]]) -> None:
    """Add rows, each sealed with its key behind the one before.

    Whoever writes holds the database's one lock for writing, so that nobody comes in between; and a row
    that is rolled back takes its number back with it. On PostgreSQL many write at one time: rows wait there
    until they are committed, and are sealed then in their order (`storage.postgres.sealing`).
    """
    if connection.is_postgres:
        connection.audited = True
        connection.insert(_WAIT, [tuple([values[name] for name in _VALUES]) for values, _ in entries])
        return
    last = connection.row(_LAST)
    seq, before = (last[0], last[1]) if last else (0, EMPTY.seal)
    given_out = connection.row(_GIVEN_OUT)
    seq = max(seq, given_out[0] if given_out else 0)
    rows = []
    for values, key in entries:
        seq += 1
        row = (seq, *(values[name] for name in _VALUES), None if key is None else key.segment)
        before = None if key is None else key.seal(before or b"", row)
        rows.append((*row, before))
    connection.insert(_INSERT, rows)
    connection.audited = True


def _printable(data: bytes) -> str:
    return data.decode(errors="replace")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
