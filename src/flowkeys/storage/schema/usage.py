"""The tables of usage. Times are integers of microseconds, UTC: when the hour or the day began."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text

from flowkeys.domain.usage.latency import BUCKETS
from flowkeys.storage.schema.base import metadata, workspace_id

KIND = ("workspace_id", "time", "key_id", "chatflow_id", "customer_id", "door", "outcome")
"""What calls have in common that are one row."""
TOOK = tuple(f"took_{bucket}" for bucket in range(BUCKETS))
NUMBERS = (*TOOK, "tokens_in", "tokens_out", "bytes_in", "bytes_out", "tokens_estimated")
"""What is added up: calls by how long they took (`domain.usage.latency`), then the rest."""


def _table(name: str) -> Table:
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
        sqlite_with_rowid=False,
        info={
            "kept_by": "storage.usage",
            "key_id, chatflow_id, customer_id": "empty for none; a history outlives whose it is",
        },
    )


usage_hour = _table("usage_hour")
usage_day = _table("usage_day")

usage_batch = Table(
    "usage_batch",
    metadata,
    Column("recorder", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    info={"kept_by": "storage.usage: which batch of a process was added last, so that none is added twice"},
)
