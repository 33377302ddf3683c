"""The tables of keys: with their tokens, and the chatflows that each may call."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from flowkeys.storage.schema.base import metadata, seq, workspace_id

api_key = Table(
    "api_key",
    metadata,
    seq(),
    Column("id", Text, nullable=False, unique=True),
    workspace_id(),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("note", Text),
    Column("created_by_type", Text, nullable=False),
    Column("created_by_id", Text),
    Column("created_by_name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("version", BigInteger, nullable=False),
    # What lists are sorted by and is said elsewhere too. Triggers keep the hint and the count of chatflows.
    Column("hint", Text, nullable=False, server_default=""),
    Column("permission_count", BigInteger, nullable=False, server_default="0"),
    Column("chatflow_count", BigInteger, nullable=False, server_default="0"),
    Column("creator_folded", Text, nullable=False, server_default=""),
    # 48 bits of a hash of the creator's id: every index holds it, where the id would double their size.
    Column("creator_tag", BigInteger),
    # A JSON list of networks that calls may come from; NULL: from anywhere.
    Column("allowed_ips", Text),
    Column("customer_id", Text, ForeignKey("customer.id")),
    # A JSON list of how often it may call; NULL: as often as it likes.
    Column("rate_limits", Text),
    # A JSON list of how much it may use in a period; NULL: as much as it likes.
    Column("quotas", Text),
    # Where it was used from at `last_used_at`, and what used it; NULL: that is not known.
    Column("last_address", Text),
    Column("last_user_agent", Text),
    UniqueConstraint("workspace_id", "id"),
    # One for each order, with what keys are filtered by, so that a page is found without reading rows (by
    # expiry: `storage.sqlite.ddl`); one by row number, to look at some keys; and one to follow who made whom.
    *(
        Index(f"ix_api_key_{name}", "workspace_id", *columns, "seq", *after, "expires_at", "creator_tag")
        for name, columns, after in (
            ("chatflows", ["chatflow_count"], ["status"]),
            ("created", ["created_at"], ["status"]),
            ("creator_name", ["creator_folded"], ["status"]),
            ("hint", ["hint"], ["status"]),
            ("last_used", ["last_used_at"], ["status"]),
            ("name", ["name_folded"], ["status"]),
            ("permissions", ["permission_count"], ["status"]),
            ("status", ["status"], []),
            ("updated", ["updated_at"], ["status"]),
        )
    ),
    Index("ix_api_key_row", "seq", "status", "name_folded", "expires_at", "creator_tag"),
    Index(
        "ix_api_key_customer",
        *("customer_id", "status", "seq"),
        sqlite_where=text("customer_id IS NOT NULL"),
    ),
    Index("ix_api_key_creator", "workspace_id", "creator_tag", "status", "seq"),
    sqlite_autoincrement=True,
)

key_count = Table(
    "key_count",
    metadata,
    Column("workspace_id", Text, ForeignKey("workspace.id"), primary_key=True),
    Column("chatflow_id", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("total", BigInteger, nullable=False),
    info={
        "kept_by": "triggers, so that a page of 100,000 keys knows its total without counting",
        "chatflow_id": "of the keys bound to it; empty: of all keys",
    },
)

key_set = Table(
    "key_set",
    metadata,
    workspace_id(),
    Column("mark", Text, nullable=False),
    Column("word", BigInteger, nullable=False),
    Column("bits", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "mark", "word"),
    sqlite_with_rowid=False,
    info={
        "kept_by": "triggers, so that what filters leave of 100,000 keys is known without looking at each",
        "mark": "which set: status:STATUS, creator:TAG, chatflow:ID or customer:ID",
        "bits": "of the 64 keys whose row numbers begin with word * 64",
    },
)

key_letters = Table(
    "key_letters",
    metadata,
    Column("block", BigInteger, nullable=False),
    Column("letters", Text, nullable=False),
    Column("bits", LargeBinary, nullable=False),
    PrimaryKeyConstraint("block", "letters"),
    sqlite_with_rowid=False,
    info={
        "kept_by": "storage.keys.letters",
        "letters": "one letter of folded names, or two in a row",
        "bits": "of the 512 keys whose row numbers begin with block * 512, of whichever workspace",
    },
)

key_unread_name = Table(
    "key_unread_name",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    info={"kept_by": "triggers: whose name key_letters does not know yet"},
)

token = Table(
    "token",
    metadata,
    seq(),
    workspace_id(),
    Column("key_id", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("valid_until", BigInteger),
    # When another replaced it; NULL: it is the key's own. What follows is of replaced tokens only.
    Column("replaced_at", BigInteger),
    Column("finish_unused_seconds", BigInteger),
    Column("uses", BigInteger, nullable=False, server_default="0"),
    Column("last_used_at", BigInteger),
    Column("last_address", Text),
    Column("last_user_agent", Text),
    ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"]),
    Index(None, "key_id"),
    Index(None, "hint"),
    Index("ix_token_replaced", "key_id", "valid_until", sqlite_where=text("replaced_at IS NOT NULL")),
)

binding = Table(
    "binding",
    metadata,
    seq(),
    workspace_id(),
    Column("key_id", Text, nullable=False),
    Column("chatflow_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The key's row number, which lists of a chatflow's keys go by.
    Column("key_seq", BigInteger, ForeignKey("api_key.seq"), nullable=False),
    ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"]),
    ForeignKeyConstraint(
        ["workspace_id", "chatflow_id"], ["chatflow.workspace_id", "chatflow.id"], ondelete="CASCADE"
    ),
    UniqueConstraint("key_id", "chatflow_id"),
    Index(None, "workspace_id", "chatflow_id", "seq"),
    Index("ix_binding_keys", "workspace_id", "chatflow_id", "key_seq"),
    # How often the key may call the chatflow, beside its own limits; NULL: that is not limited.
    Column("rate_limits", Text),
    Index(
        "ix_binding_limited",
        *("key_id", "chatflow_id", "rate_limits"),
        sqlite_where=text("rate_limits IS NOT NULL"),
    ),
)

permission_use = Table(
    "permission_use",
    metadata,
    workspace_id(),
    Column("key_id", Text, nullable=False),
    Column("permission", Text, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["workspace_id", "key_id"], ["api_key.workspace_id", "api_key.id"]),
    PrimaryKeyConstraint("key_id", "permission"),
    sqlite_with_rowid=False,
    info={"permission": "which the key held and used, as far as that is recorded: since `recording`"},
)

recording = Table(
    "recording",
    metadata,
    Column("what", Text, primary_key=True),
    Column("since", BigInteger, nullable=False),
    info={"of": "the whole installation: a new one records from its beginning, and has no row"},
)
