"""The audit log's rows are sealed in order, a moment after their commit (docs/adr/0044-postgresql.md).

Many processes write at one time, and none waits for the others' audit rows: each commits its own unsealed.
Behind its commit, and before anybody hears of it, whoever wrote them takes all that are there, under a lock
that is held for as long as that takes and for no commit to the disk: what was acknowledged is sealed before
what was begun afterwards. A process that ends in between leaves rows to the next that writes.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import psycopg

from flowkeys.domain.audit.chain import COLUMNS, ChainKey
from flowkeys.domain.audit.taken import Row
from flowkeys.storage.postgres.adapting import array

_LOCK: Final = 0x666C6F776B657974
_TAKEN: Final = ", ".join(COLUMNS[1:-1])
_TURN: Final = (
    "SELECT set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '2000', true),"
    f" pg_advisory_xact_lock({_LOCK})"
)
"""Rows that are not lost: a crash of the machine leaves them unsealed, as they were."""
_TAKE: Final = f"DELETE FROM audit_unsealed RETURNING id, {_TAKEN}"  # noqa: S608 - of constants
_LAST: Final = """SELECT greatest((SELECT max(seq) FROM audit), (SELECT max(seq) FROM audit_end), 0),
    (SELECT seal FROM audit ORDER BY seq DESC LIMIT 1)"""
_TYPES: Final = {"seq": "bigint", "at": "bigint", "segment": "bigint", "seal": "bytea"}
_INSERTED: Final = (*COLUMNS, "seal")
_INSERT: Final = (
    f"INSERT INTO audit({', '.join(_INSERTED)}) SELECT * FROM unnest("  # noqa: S608 - of constants
    + ", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in _INSERTED)
    + ")"
)
_shown: Final = itemgetter(*(COLUMNS.index(name) - 1 for name in Row._fields[1:-1]))
_SET: Final = "UPDATE audit_end SET seq = %s"


def seal(connection: psycopg.Connection[Any], key: ChainKey) -> list[Row]:
    """Seal all rows that wait for it; return them, in their order. The database is asked twice.

    Raises:
        psycopg.Error: nothing was sealed; the rows wait on.
    """
    try:
        with connection.pipeline():
            connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            connection.execute(_TURN)
            taken = connection.execute(_TAKE)
            last = connection.execute(_LAST)
        rows = sorted(taken.fetchall())
        ((seq, before),) = last.fetchall()
        with connection.pipeline():
            entries = [row[1:] for row in rows]
            sealed = _append(connection, key, seq, before or b"", entries) if rows else []
            connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise
    return sealed


def _append(
    connection: psycopg.Connection[Any],
    key: ChainKey,
    seq: int,
    before: bytes,
    entries: Sequence[tuple[Any, ...]],
) -> list[Row]:
    rows, sealed = [], []
    for entry in entries:
        seq += 1
        row = (seq, *entry, key.segment)
        before = key.seal(before, row)
        rows.append((*row, before))
        sealed.append(Row._make((seq, *_shown(entry), before)))
    connection.execute(_INSERT, [array(column) for column in zip(*rows, strict=True)])
    connection.execute(_SET, (seq,))
    return sealed
