"""Tables of what chatflows use and share."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, Text

from flowkeys.storage.schema.base import metadata, seq, workspace_id

code_approval = Table(
    "code_approval",
    metadata,
    Column("workspace_id", Text, nullable=False),
    # SHA-256 of the code, in hex.
    Column("digest", Text, nullable=False),
    Column("approved_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
    PrimaryKeyConstraint("workspace_id", "digest"),
    sqlite_with_rowid=False,
)

tool = Table(
    "tool",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("color", Text, nullable=False),
    Column("icon_src", Text),
    # A JSON list of what it takes, as Flowise has it.
    Column("schema", Text),
    # JavaScript.
    Column("func", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    # By which chatflows of an export name it.
    Column("export_id", Text),
    Index(None, "workspace_id", "export_id", unique=True),
    sqlite_autoincrement=True,
)

variable = Table(
    "variable",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index(None, "workspace_id", "name", unique=True),
)
