"""What PostgreSQL has for lists of keys: the sets of `bits`, and which keys they do not know yet.

Writers only add rows that say so: a number or a set that all of them kept would have each wait for the
others. Of migrations 0026 and 0033; a change needs a new list and a new migration.
"""

from collections.abc import Iterator
from typing import Final

_READ: Final = ("seq", "workspace_id", "status", "expires_at", "creator_tag", "customer_id", "name_folded")
_RENAMED: Final = ("seq", "workspace_id", "name_folded")
_BOUND: Final = ("workspace_id", "key_id", "chatflow_id", "key_seq")


def _differ(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)


def _noted(table: str, event: str, what: str, when: str = "") -> Iterator[str]:
    """Yield a function and its trigger: for each row, or for all rows of a statement where they are added."""
    name = f"{table}_noted_{event.lower()}"
    if event == "INSERT":
        how = "REFERENCING NEW TABLE AS added FOR EACH STATEMENT"
    elif event == "TRUNCATE":
        how = "FOR EACH STATEMENT"
    else:
        how = f"FOR EACH ROW {when}"
    yield f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    {what};
    RETURN NULL;
END $$"""
    yield f"CREATE TRIGGER {name} AFTER {event} ON {table} {how} EXECUTE FUNCTION {name}()"


_NOTE: Final = "INSERT INTO key_unread(seq, is_named)"

_ALL: Final = "INSERT INTO key_unread(seq, is_named) SELECT seq, true FROM api_key"

READ_ANEW: Final = ("DELETE FROM key_bits", "DELETE FROM key_unread", "DELETE FROM key_expired", _ALL)
"""What whoever wrote keys while no trigger noted them does behind that."""

KEY_BITS: Final = (
    # What names were found by before.
    "DROP INDEX IF EXISTS ix_api_key_name_trigrams",
    # Marks as in `bits`; of the 512 keys whose row numbers begin with block * 512. Rows are changed in place.
    """CREATE TABLE key_bits (
        workspace_id TEXT COLLATE "C" NOT NULL,
        mark TEXT COLLATE "C" NOT NULL,
        block BIGINT NOT NULL,
        bits BYTEA NOT NULL,
        CONSTRAINT pk_key_bits PRIMARY KEY (workspace_id, mark, block)) WITH (fillfactor = 80)""",
    "CREATE INDEX ix_key_bits_block ON key_bits (block, mark)",
    # Keys that changed since their bits were written; whether their names did.
    "CREATE TABLE key_unread (seq BIGINT NOT NULL, is_named BOOLEAN NOT NULL)",
    # Up to when bits say which keys have expired.
    "CREATE TABLE key_expired (until BIGINT NOT NULL)",
    *_noted("api_key", "INSERT", f"{_NOTE} SELECT seq, true FROM added"),  # noqa: S608
    *_noted(
        "api_key",
        "UPDATE",
        f"{_NOTE} SELECT old.seq, {_differ(_RENAMED)} UNION SELECT new.seq, {_differ(_RENAMED)}",
        f"WHEN ({_differ(_READ)})",
    ),
    *_noted("api_key", "DELETE", f"{_NOTE} VALUES (old.seq, true)"),
    *_noted("api_key", "TRUNCATE", "DELETE FROM key_bits"),
    *_noted("binding", "INSERT", f"{_NOTE} SELECT key_seq, false FROM added"),  # noqa: S608
    *_noted(
        "binding",
        "UPDATE",
        f"{_NOTE} SELECT seq, false FROM api_key WHERE id IN (old.key_id, new.key_id)",  # noqa: S608
        f"WHEN ({_differ(_BOUND)})",
    ),
    *_noted("binding", "DELETE", f"{_NOTE} SELECT seq, false FROM api_key WHERE id = old.key_id"),  # noqa: S608
    *_noted("binding", "TRUNCATE", f"{_NOTE} SELECT seq, false FROM api_key"),  # noqa: S608
    _ALL,
)
"""The statements, in their order; at the end, the keys that are there."""


_ANEW: Final = "key_version_anew"
_CHANGES: Final = {
    "key_bits": "INSERT OR UPDATE OR DELETE OR TRUNCATE",
    "key_unread": "UPDATE OR DELETE OR TRUNCATE",
}

KEY_VERSION: Final = (
    # Another one after each change to the sets, or when keys are in them that were not. That more keys
    # change makes no set another one: whoever writes keys does not come by here.
    "CREATE TABLE key_version (version UUID NOT NULL)",
    "INSERT INTO key_version VALUES (gen_random_uuid())",
    f"""CREATE FUNCTION {_ANEW}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE key_version SET version = gen_random_uuid();
    IF NOT FOUND THEN
        INSERT INTO key_version VALUES (gen_random_uuid());
    END IF;
    RETURN NULL;
END $$""",  # noqa: S608 - of constants
    *(
        f"CREATE TRIGGER {table}_anew AFTER {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_ANEW}()"
        for table, events in _CHANGES.items()
    ),
    # Whoever turns triggers off, as pg_restore does, must not leave an old version there.
    *(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_anew" for table in _CHANGES),
)
"""The statements of the version that sets are remembered under (`remembered`)."""
