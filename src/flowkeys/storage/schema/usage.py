"""The tables of usage. Times are integers of microseconds, UTC: when the hour or the day began."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text, text

from flowkeys.domain.usage.latency import BUCKETS
from flowkeys.storage.schema.base import metadata, workspace_id

KIND = ("workspace_id", "time", "key_id", "chatflow_id", "customer_id", "door", "outcome")
"""What calls have in common that are one row."""
TOOK = tuple(f"took_{bucket}" for bucket in range(BUCKETS))
NUMBERS = (*TOOK, "tokens_in", "tokens_out", "bytes_in", "bytes_out", "tokens_estimated")
"""What is added up: calls by how long they took (`domain.usage.latency`), then the rest."""


TOTAL = ("workspace_id", "time", "outcome")
"""What calls of a workspace have in common that are one row."""


def _table(name: str, *more: Index) -> Table:
    return Table(
        name,
        metadata,
        workspace_id(),
        Column("time", BigInteger, nullable=False),
        *(Column(column, Text, nullable=False) for column in KIND[2:]),
        *(Column(column, BigInteger, nullable=False) for column in NUMBERS[:-1]),
        # How many of the tokens were estimated, since the model did not say.
        Column("tokens_estimated", BigInteger, nullable=False, server_default="0"),
        PrimaryKeyConstraint(*KIND),
        Index(f"ix_{name}_key", "workspace_id", "key_id", "time"),
        Index(f"ix_{name}_chatflow", "workspace_id", "chatflow_id", "time"),
        Index(f"ix_{name}_customer", "workspace_id", "customer_id", "time"),
        *more,
        sqlite_with_rowid=False,
        info={
            "kept_by": "storage.usage",
            "key_id, chatflow_id, customer_id": "empty for none; a history outlives whose it is",
        },
    )


_not_well = text("outcome <> 'ok'")
usage_hour = _table(
    "usage_hour",
    # Few: what did not end well, so that the keys which fail most are found among many that do not.
    Index(
        "ix_usage_hour_failed",
        *("workspace_id", "time", "key_id", "outcome"),
        sqlite_where=_not_well,
    ),
)
usage_day = _table("usage_day")

usage_total = Table(
    "usage_total",
    metadata,
    workspace_id(),
    Column("time", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    *(Column(column, BigInteger, nullable=False) for column in NUMBERS),
    PrimaryKeyConstraint(*TOTAL),
    sqlite_with_rowid=False,
    info={
        "kept_by": "storage.usage: what a workspace's rows add up to, so that nobody adds up 100,000 keys'",
        "time": "of an hour, as long as it is kept",
    },
)

usage_batch = Table(
    "usage_batch",
    metadata,
    Column("recorder", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    info={"kept_by": "storage.usage: which batch of a process was added last, so that none is added twice"},
)
