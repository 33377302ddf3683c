"""The tables of quotas: what was used, and what was announced of it. Times: microseconds, UTC."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text

from flowkeys.storage.schema.base import metadata, workspace_id

quota_use = Table(
    "quota_use",
    metadata,
    workspace_id(),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "kind", "subject_id", "unit", "step", "time"),
    Index("ix_quota_use_step_time", "step", "time"),
    sqlite_with_rowid=False,
    info={
        "kept_by": "storage.usage.quotas",
        "kind, subject_id": "of the key or customer that has a quota",
        "step, time": "the hour or day in which it was used",
    },
)

quota_notice = Table(
    "quota_notice",
    metadata,
    workspace_id(),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("threshold", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "kind", "subject_id", "unit", "period", "threshold"),
    sqlite_with_rowid=False,
    info={
        "kept_by": "storage.usage.quotas: a threshold is announced once in a period",
        "amount": "of the quota then: another one is announced anew",
    },
)
