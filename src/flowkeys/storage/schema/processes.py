"""The table of processes that serve the database. Times: microseconds, UTC."""

from sqlalchemy import BigInteger, Column, Table, Text

from flowkeys.storage.schema.base import metadata

server = Table(
    "server",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("identity", Text, nullable=False),
    Column("siblings", BigInteger, nullable=False),
    Column("counting", Text),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    info={
        "kept_by": "storage.usage.processes: one row for each process, removed when it ends",
        "identity": "what no other process of the machine is called, or was since it was booted",
        "siblings": "how many processes its server has",
        "counting": "how it counts limits where there are several, if that was chosen",
    },
)
