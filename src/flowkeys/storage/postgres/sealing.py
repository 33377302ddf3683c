"""The audit log's rows are sealed in order, a moment after their commit (docs/adr/0044-postgresql.md).

Many processes write at one time, and none waits for the others' audit rows: each commits its own unsealed.
Behind its commit, and before anybody hears of it, whoever wrote them takes all that are there, under a lock
that is held for as long as that takes and for no commit to the disk: what was acknowledged is sealed before
what was begun afterwards. A process that ends in between leaves rows to the next that writes.
"""

from operator import itemgetter
from typing import Any, Final

import psycopg

from flowkeys.domain.audit.chain import COLUMNS, ChainKey
from flowkeys.domain.audit.taken import Row

_LOCK: Final = 0x666C6F776B657974
_TAKEN: Final = ", ".join(COLUMNS[1:-1])
_BEGIN: Final = (
    "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = 2000;"
    f" SELECT pg_advisory_xact_lock({_LOCK})"
)
"""Rows that are not lost: a crash of the machine leaves them unsealed, as they were."""
_TAKE: Final = f"DELETE FROM audit_unsealed RETURNING id, {_TAKEN}"  # noqa: S608 - of constants
_LAST: Final = "SELECT seq, seal FROM audit ORDER BY seq DESC LIMIT 1"
_GIVEN_OUT: Final = "SELECT seq FROM audit_end"
_INSERT: Final = (
    f"INSERT INTO audit(seq, {_TAKEN}, segment, seal)"  # noqa: S608 - of constants
    f" VALUES ({', '.join(['%s'] * (len(COLUMNS) + 1))})"
)
_shown: Final = itemgetter(*(COLUMNS.index(name) - 1 for name in Row._fields[1:-1]))
_SET: Final = "UPDATE audit_end SET seq = %s"


def seal(connection: psycopg.Connection[Any], key: ChainKey) -> list[Row]:
    """Seal all rows that wait for it; return them, in their order.

    Raises:
        psycopg.Error: nothing was sealed; the rows wait on.
    """
    try:
        connection.execute(_BEGIN)
        rows = sorted(connection.execute(_TAKE).fetchall())
        sealed = _append(connection, key, [row[1:] for row in rows]) if rows else []
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise
    return sealed


def _append(connection: psycopg.Connection[Any], key: ChainKey, entries: list[tuple[Any, ...]]) -> list[Row]:
    last = connection.execute(_LAST).fetchone()
    given_out = connection.execute(_GIVEN_OUT).fetchone()
    seq, before = (last[0], last[1]) if last else (0, b"")
    seq = max(seq, given_out[0] if given_out else 0)
    rows, sealed = [], []
    for entry in entries:
        seq += 1
        row = (seq, *entry, key.segment)
        before = key.seal(before or b"", row)
        rows.append((*row, before))
        sealed.append(Row._make((seq, *_shown(entry), before)))
    connection.cursor().executemany(_INSERT, rows)
    connection.execute(_SET, (seq,))
    return sealed
