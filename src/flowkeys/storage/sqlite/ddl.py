"""What only SQLite has: full-text tables, the triggers that feed them, and the counts kept of keys.

Each list belongs to a migration, which runs it by reference: a change needs a new list and a new migration.
"""

from typing import Final

FULL_TEXT_PREFIXES: Final = ("key_name_fts", "passage_fts")
"""Tables with these prefixes (FTS5 makes shadow tables) are left out of Alembic's comparison."""

_COUNT: Final = """INSERT INTO key_count(workspace_id, chatflow_id, status, total)
        SELECT new.workspace_id, new.chatflow_id, status, 1 FROM api_key WHERE id = new.key_id
        ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1;"""
_UNCOUNT: Final = """UPDATE key_count SET total = total - 1
        WHERE workspace_id = old.workspace_id AND chatflow_id = old.chatflow_id
            AND status = (SELECT status FROM api_key WHERE id = old.key_id);
    DELETE FROM key_count
        WHERE workspace_id = old.workspace_id AND chatflow_id = old.chatflow_id AND total = 0;"""
_COUNT_BIND: Final = f"CREATE TRIGGER key_count_bind AFTER INSERT ON binding BEGIN {_COUNT} END"
_COUNT_UNBIND: Final = f"CREATE TRIGGER key_count_unbind AFTER DELETE ON binding BEGIN {_UNCOUNT} END"

INITIAL: Final = (
    # Of migration 0001.
    # Names of keys, by trigrams: finds any part of three characters or more.
    """CREATE VIRTUAL TABLE key_name_fts USING fts5(
        name_folded, content='api_key', content_rowid='seq', tokenize='trigram')""",
    """CREATE TRIGGER key_name_fts_insert AFTER INSERT ON api_key BEGIN
        INSERT INTO key_name_fts(rowid, name_folded) VALUES (new.seq, new.name_folded);
    END""",
    """CREATE TRIGGER key_name_fts_update AFTER UPDATE OF name_folded ON api_key
    WHEN old.name_folded IS NOT new.name_folded BEGIN
        INSERT INTO key_name_fts(key_name_fts, rowid, name_folded)
            VALUES ('delete', old.seq, old.name_folded);
        INSERT INTO key_name_fts(rowid, name_folded) VALUES (new.seq, new.name_folded);
    END""",
    """CREATE TRIGGER key_name_fts_delete AFTER DELETE ON api_key BEGIN
        INSERT INTO key_name_fts(key_name_fts, rowid, name_folded)
            VALUES ('delete', old.seq, old.name_folded);
    END""",
    # How many keys a workspace, and each chatflow in it, has in each stored status.
    """CREATE TRIGGER key_count_insert AFTER INSERT ON api_key BEGIN
        INSERT INTO key_count(workspace_id, chatflow_id, status, total)
            VALUES (new.workspace_id, '', new.status, 1)
            ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1;
    END""",
    """CREATE TRIGGER key_count_update AFTER UPDATE OF status ON api_key
    WHEN old.status IS NOT new.status BEGIN
        UPDATE key_count SET total = total - 1
            WHERE workspace_id = old.workspace_id AND status = old.status AND (chatflow_id = ''
                OR chatflow_id IN (SELECT chatflow_id FROM binding WHERE key_id = old.id));
        INSERT INTO key_count(workspace_id, chatflow_id, status, total)
            SELECT new.workspace_id, '', new.status, 1
            UNION ALL SELECT new.workspace_id, chatflow_id, new.status, 1 FROM binding WHERE key_id = new.id
            ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1;
    END""",
    """CREATE TRIGGER key_count_delete AFTER DELETE ON api_key BEGIN
        UPDATE key_count SET total = total - 1
            WHERE workspace_id = old.workspace_id AND chatflow_id = '' AND status = old.status;
    END""",
    _COUNT_BIND,
    _COUNT_UNBIND,
    # Sorting by expiry puts keys without one last.
    """CREATE INDEX ix_api_key_expiry ON api_key
        (workspace_id, coalesce(expires_at, 9223372036854775807), seq, status, expires_at)""",
    # Passages of documents, by words.
    """CREATE VIRTUAL TABLE passage_fts USING fts5(
        heading, content, content='passage', content_rowid='seq',
        tokenize='porter unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER passage_fts_insert AFTER INSERT ON passage BEGIN
        INSERT INTO passage_fts(rowid, heading, content) VALUES (new.seq, new.heading, new.content);
    END""",
    """CREATE TRIGGER passage_fts_delete AFTER DELETE ON passage BEGIN
        INSERT INTO passage_fts(passage_fts, rowid, heading, content)
            VALUES ('delete', old.seq, old.heading, old.content);
    END""",
)

KEY_LISTS: Final = (
    # Of migration 0003, which makes the table of bindings anew: its triggers went with the old one.
    _COUNT_BIND,
    _COUNT_UNBIND,
    # How many chatflows a key opens.
    """CREATE TRIGGER api_key_bind AFTER INSERT ON binding BEGIN
        UPDATE api_key SET chatflow_count = chatflow_count + 1 WHERE seq = new.key_seq;
    END""",
    """CREATE TRIGGER api_key_unbind AFTER DELETE ON binding BEGIN
        UPDATE api_key SET chatflow_count = chatflow_count - 1 WHERE seq = old.key_seq;
    END""",
    # The end of a key's newest token.
    """CREATE TRIGGER api_key_hint AFTER INSERT ON token BEGIN
        UPDATE api_key SET hint = new.hint WHERE id = new.key_id AND hint IS NOT new.hint;
    END""",
    "DROP INDEX ix_api_key_expiry",
    """CREATE INDEX ix_api_key_expiry ON api_key
        (workspace_id, coalesce(expires_at, 9223372036854775807), seq, status, expires_at, creator_tag)""",
)

_NOW: Final = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


_ROW: Final = "INSERT INTO change(workspace_id, subject, subject_id, version, at)"


def _tell(name: str, event: str, subject: str, row: str, key: str) -> str:
    """Return the trigger that writes a change of whatever `row` (``old`` or ``new``) belongs to."""
    return f"""CREATE TRIGGER change_{name} AFTER {event} BEGIN
        {_ROW} VALUES ({row}.workspace_id, '{subject}', {row}.{key}, 0, {_NOW});
    END"""


def _tell_of_replaced(table: str, subject: str, key: str, *columns: str) -> tuple[str, str]:
    """Return the triggers for rows that ``REPLACE`` takes away: no trigger of a deletion runs for them.

    One is for ``REPLACE INTO``, one for ``UPDATE OR REPLACE``; `columns` are those in which rows differ. What
    has the same `key` as the new row is told of anyhow.
    """
    same = " OR ".join(f"{column} = new.{column}" for column in columns)
    row = f"{_ROW} SELECT workspace_id, '{subject}', {key}, 0, {_NOW} FROM {table} WHERE"  # noqa: S608 - of constants
    return (
        f"CREATE TRIGGER change_{table}_replaced BEFORE INSERT ON {table} BEGIN {row} {same}; END",
        f"""CREATE TRIGGER change_{table}_pushed_out BEFORE UPDATE ON {table} {_differ(*columns)} BEGIN
        {row} ({same}) AND seq IS NOT old.seq;
    END""",
    )


def _differ(*columns: str) -> str:
    """Return the event of an update by which one of these columns becomes another."""
    changed = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
    return f"WHEN {changed}"


_OF_KEY: Final = ("id", "workspace_id", "name", "permissions", "status", "expires_at")
_OF_TOKEN: Final = ("seq", "key_id", "digest", "valid_until")  # whoever reads all of them goes by `seq`
_OF_CHATFLOW: Final = ("id", "workspace_id", "is_public", "flow_data")

CHANGES: Final = (
    # Of migration 0005. The services write each change into the feed. What is changed by hand, in SQL, has to
    # get there too, however it is written: caches live by the feed. Version 0 marks rows of these triggers.
    _tell("key_insert", "INSERT ON api_key", "key", "new", "id"),
    _tell("key_update", f"UPDATE ON api_key {_differ(*_OF_KEY)}", "key", "old", "id"),
    _tell("key_renamed", f"UPDATE ON api_key {_differ('id')}", "key", "new", "id"),
    _tell("key_delete", "DELETE ON api_key", "key", "old", "id"),
    *_tell_of_replaced("api_key", "key", "id", "seq"),
    _tell("token_insert", "INSERT ON token", "key", "new", "key_id"),
    _tell("token_update", f"UPDATE ON token {_differ(*_OF_TOKEN)}", "key", "old", "key_id"),
    _tell("token_moved", "UPDATE OF key_id ON token", "key", "new", "key_id"),
    _tell("token_delete", "DELETE ON token", "key", "old", "key_id"),
    *_tell_of_replaced("token", "key", "key_id", "digest", "seq"),
    _tell("binding_insert", "INSERT ON binding", "key", "new", "key_id"),
    _tell("binding_update", "UPDATE OF key_id, chatflow_id ON binding", "key", "old", "key_id"),
    _tell("binding_moved", "UPDATE OF key_id ON binding", "key", "new", "key_id"),
    _tell("binding_delete", "DELETE ON binding", "key", "old", "key_id"),
    *_tell_of_replaced("binding", "key", "key_id", "seq"),
    _tell("chatflow_insert", "INSERT ON chatflow", "chatflow", "new", "id"),
    _tell("chatflow_update", f"UPDATE ON chatflow {_differ(*_OF_CHATFLOW)}", "chatflow", "old", "id"),
    _tell("chatflow_renamed", f"UPDATE ON chatflow {_differ('id')}", "chatflow", "new", "id"),
    _tell("chatflow_delete", "DELETE ON chatflow", "chatflow", "old", "id"),
    *_tell_of_replaced("chatflow", "chatflow", "id", "seq"),
)


def _add_marks(row: str, *marks: tuple[str, str]) -> str:
    """Return the statement that puts a row's key into sets, each given by its mark and the key's column."""
    parts = " UNION ALL ".join(
        f"SELECT {row}.workspace_id, {mark}, {row}.{seq} >> 6, 1 << ({row}.{seq} & 63)"
        f" WHERE {mark} IS NOT NULL"
        for mark, seq in marks
    )
    return f"""INSERT INTO key_set(workspace_id, mark, word, bits) {parts}
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits;"""


def _remove_marks(row: str, seq: str, *marks: str) -> str:
    """Return the statements that take a row's key out of sets again."""
    where = f"workspace_id = {row}.workspace_id AND mark IN ({', '.join(marks)}) AND word = {row}.{seq} >> 6"
    return f"""UPDATE key_set SET bits = bits & ~(1 << ({row}.{seq} & 63)) WHERE {where};
        DELETE FROM key_set WHERE {where} AND bits = 0;"""  # noqa: S608 - of constants


_OLD_MARKS: Final = ("'status:' || old.status", "'creator:' || old.creator_tag")
_NEW_MARKS: Final = (("'status:' || new.status", "seq"), ("'creator:' || new.creator_tag", "seq"))
_OLD_CHATFLOW: Final = "'chatflow:' || old.chatflow_id"
_NEW_CHATFLOW: Final = ("'chatflow:' || new.chatflow_id", "key_seq")
# An upsert: `OR IGNORE` would give way to what the statement says that the trigger runs for.
_SAME_ID: Final = "SELECT seq FROM api_key WHERE id = new.id"
_NOTE: Final = "INSERT INTO key_unread_name(seq) {} ON CONFLICT DO NOTHING;"

KEY_SETS: Final = (
    # Of migration 0009. What keys are filtered by, as sets that are put together without looking at each key;
    # and whose name is new, for `storage.keys.letters`.
    f"CREATE TRIGGER key_set_insert AFTER INSERT ON api_key BEGIN {_add_marks('new', *_NEW_MARKS)} END",
    f"""CREATE TRIGGER key_set_update AFTER UPDATE ON api_key
    {_differ("seq", "workspace_id", "status", "creator_tag")} BEGIN
        {_remove_marks("old", "seq", *_OLD_MARKS)}
        {_add_marks("new", *_NEW_MARKS)}
    END""",
    f"""CREATE TRIGGER key_set_delete AFTER DELETE ON api_key BEGIN
        {_remove_marks("old", "seq", *_OLD_MARKS)}
    END""",
    f"CREATE TRIGGER key_set_bind AFTER INSERT ON binding BEGIN {_add_marks('new', _NEW_CHATFLOW)} END",
    f"""CREATE TRIGGER key_set_rebind AFTER UPDATE ON binding
    {_differ("workspace_id", "chatflow_id", "key_seq")} BEGIN
        {_remove_marks("old", "key_seq", _OLD_CHATFLOW)}
        {_add_marks("new", _NEW_CHATFLOW)}
    END""",
    f"""CREATE TRIGGER key_set_unbind AFTER DELETE ON binding BEGIN
        {_remove_marks("old", "key_seq", _OLD_CHATFLOW)}
    END""",
    # A binding that is moved by hand counts elsewhere, as one that is taken away and one that is made.
    f"""CREATE TRIGGER key_count_rebind AFTER UPDATE ON binding
    {_differ("workspace_id", "chatflow_id", "key_id")} BEGIN
        {_UNCOUNT}
        {_COUNT}
    END""",
    f"CREATE TRIGGER key_name_insert AFTER INSERT ON api_key BEGIN {_NOTE.format('VALUES (new.seq)')} END",
    f"""CREATE TRIGGER key_name_update AFTER UPDATE ON api_key {_differ("seq", "name_folded")} BEGIN
        {_NOTE.format("VALUES (old.seq), (new.seq)")}
    END""",
    f"CREATE TRIGGER key_name_delete AFTER DELETE ON api_key BEGIN {_NOTE.format('VALUES (old.seq)')} END",
    # A row that `REPLACE` takes away is noted by nothing else.
    f"CREATE TRIGGER key_name_replaced BEFORE INSERT ON api_key BEGIN {_NOTE.format(_SAME_ID)} END",
    # The keys that are there.
    """INSERT INTO key_set(workspace_id, mark, word, bits)
        SELECT workspace_id, 'status:' || status, seq >> 6, sum(1 << (seq & 63)) FROM api_key GROUP BY 1, 2, 3
        UNION ALL SELECT workspace_id, 'creator:' || creator_tag, seq >> 6, sum(1 << (seq & 63)) FROM api_key
        WHERE creator_tag IS NOT NULL GROUP BY 1, 2, 3
        UNION ALL SELECT workspace_id, 'chatflow:' || chatflow_id, key_seq >> 6, sum(1 << (key_seq & 63))
        FROM (SELECT DISTINCT workspace_id, chatflow_id, key_seq FROM binding) GROUP BY 1, 2, 3""",
    "INSERT INTO key_unread_name(seq) SELECT seq FROM api_key",
)

PASSAGE_TERMS: Final = (
    # Of migration 0007. Passages are found by terms that are made in Python, so the full-text table only cuts
    # them at their spaces.
    "DROP TRIGGER passage_fts_insert",
    "DROP TRIGGER passage_fts_delete",
    "DROP TABLE passage_fts",
    """CREATE VIRTUAL TABLE passage_fts USING fts5(
        heading_terms, content_terms, content='passage', content_rowid='seq', tokenize='ascii')""",
    "INSERT INTO passage_fts(passage_fts) VALUES ('rebuild')",
    "CREATE VIRTUAL TABLE passage_fts_vocabulary USING fts5vocab(passage_fts, row)",
    """CREATE TRIGGER passage_fts_insert AFTER INSERT ON passage BEGIN
        INSERT INTO passage_fts(rowid, heading_terms, content_terms)
            VALUES (new.seq, new.heading_terms, new.content_terms);
    END""",
    """CREATE TRIGGER passage_fts_delete AFTER DELETE ON passage BEGIN
        INSERT INTO passage_fts(passage_fts, rowid, heading_terms, content_terms)
            VALUES ('delete', old.seq, old.heading_terms, old.content_terms);
    END""",
)

ALLOWED_IPS: Final = (
    # Of migration 0010. What is changed by hand in the new column reaches the feed too.
    "DROP TRIGGER change_key_update",
    _tell("key_update", f"UPDATE ON api_key {_differ(*_OF_KEY, 'allowed_ips')}", "key", "old", "id"),
)

REPLACED_TOKENS: Final = (
    # Of migration 0011. What verification reads of a token reaches the feed; its uses do not matter there.
    "DROP TRIGGER change_token_update",
    _tell("token_update", f"UPDATE ON token {_differ(*_OF_TOKEN, 'replaced_at')}", "key", "old", "key_id"),
)


def _tell_of_policy(name: str, event: str, row: str) -> str:
    return _tell(f"policy_{name}", event, "policy", row, "workspace_id")


POLICY: Final = (
    # Of migration 0014. Every record holds its workspace's networks: caches forget them all.
    _tell_of_policy("insert", "INSERT ON policy WHEN new.allowed_ips IS NOT NULL", "new"),
    _tell_of_policy("update", f"UPDATE ON policy {_differ('workspace_id', 'allowed_ips')}", "old"),
    _tell_of_policy("moved", "UPDATE OF workspace_id ON policy", "new"),
    _tell_of_policy("delete", "DELETE ON policy WHEN old.allowed_ips IS NOT NULL", "old"),
    # `REPLACE` takes a row away without a deletion.
    f"""CREATE TRIGGER change_policy_replaced BEFORE INSERT ON policy WHEN new.allowed_ips IS NULL BEGIN
        {_ROW} SELECT workspace_id, 'policy', workspace_id, 0, {_NOW} FROM policy
            WHERE workspace_id = new.workspace_id AND allowed_ips IS NOT NULL;
    END""",  # noqa: S608 - of constants
)

RATE_LIMITS: Final = (
    # Of migration 0017. What is changed by hand of how often calls may be made reaches the feed too.
    _tell("key_limits", f"UPDATE ON api_key {_differ('rate_limits')}", "key", "old", "id"),
    _tell("binding_limits", f"UPDATE ON binding {_differ('rate_limits')}", "key", "old", "key_id"),
    _tell(
        "chatflow_limits",
        f"UPDATE ON chatflow {_differ('rate_limits', 'api_config', 'chatbot_config')}",
        "chatflow",
        "old",
        "id",
    ),
)
