"""What only PostgreSQL has: what triggers keep, and how changes are told of, those made in psql too."""

from collections.abc import Iterator
from typing import Final

from flowkeys.storage.keys.bits.ddl import KEY_BITS, KEY_VERSION

CHANNEL: Final = "flowkeys_change"
"""Where changes are told of, when they are committed: by the transaction's number (xid8), when the change was
made, the workspace, the subject and its id, with blanks between them."""
EVERYTHING: Final = "*"
"""What is told where nobody can say what was changed: all that is known is to be forgotten."""
TELLS: Final = "flowkeys.tells"
"""What a transaction sets to ``on`` that writes into the feed itself of each token that it adds."""
_LONGEST: Final = 7000
"""Characters of an id that fit into what is told (8,000 bytes); one as long was written by hand."""

# Which SQL stands for the present time.
_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

_OF_KEY: Final = (
    *("id", "workspace_id", "name", "permissions", "status", "expires_at", "allowed_ips", "customer_id"),
    *("rate_limits", "quotas"),
)
_OF_TOKEN: Final = ("seq", "workspace_id", "key_id", "digest", "valid_until", "replaced_at")
_OF_BINDING: Final = ("workspace_id", "key_id", "chatflow_id", "rate_limits")
_OF_CHATFLOW: Final = (
    *("id", "workspace_id", "is_public", "flow_data", "rate_limits", "api_config", "chatbot_config"),
)
_OF_CUSTOMER: Final = (*("id", "workspace_id", "name", "external_id", "status", "rate_limits", "quotas"),)
_OF_POLICY: Final = ("workspace_id", "allowed_ips")


def _function(name: str, body: str) -> str:
    """Return a function for triggers, which finds our tables whatever the search path of the session is."""
    return f"""CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
{body}
    RETURN NULL;
END $$"""


def _differ(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)


def _of_added(table: str, name: str, body: str, when: str = "true") -> Iterator[str]:
    """Yield a function and its trigger that runs once for all rows a statement adds, which are `added`.

    A key that is made is a row in four tables: run for each, triggers cost as much as the rows.
    """
    yield _function(name, body)
    yield (
        f"CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
        f" FOR EACH STATEMENT WHEN ({when}) EXECUTE FUNCTION {name}()"
    )


def _told(table: str, subject: str, key: str, columns: tuple[str, ...], only: str = "") -> Iterator[str]:
    """Yield what writes changes of a table's rows into the feed, however they are made.

    The services write each change into the feed. What is changed by hand, in SQL, has to get there too:
    caches live by the feed. Version 0 marks rows of these triggers. `only` is a column without which a row
    says nothing.
    """
    tell = (  # of constants
        "INSERT INTO change(workspace_id, subject, subject_id, version, at)"  # noqa: S608
        f" VALUES ({{row}}.workspace_id, '{subject}', {{row}}.{key}, 0, {_NOW});"
    )
    yield _function(
        f"change_of_{table}",
        f"""    {tell.format(row="old")}
    IF TG_OP = 'UPDATE' THEN
        IF old.{key} IS DISTINCT FROM new.{key} OR old.workspace_id IS DISTINCT FROM new.workspace_id THEN
            {tell.format(row="new")}
        END IF;
    END IF;""",
    )
    for event, when in (
        ("UPDATE", _differ(columns)),
        ("DELETE", f"old.{only} IS NOT NULL" if only else "true"),
    ):
        yield (
            f"CREATE TRIGGER change_{table}_{event.lower()} AFTER {event} ON {table} FOR EACH ROW"
            f" WHEN ({when}) EXECUTE FUNCTION change_of_{table}()"
        )
    yield (
        f"CREATE TRIGGER change_{table}_emptied AFTER TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION everything_changed()"
    )


def _told_of_added(table: str, subject: str, key: str, only: str = "", when: str = "true") -> Iterator[str]:
    """Yield what writes into the feed that rows were added; see `_told`."""
    where = f" WHERE {only} IS NOT NULL" if only else ""
    yield from _of_added(
        table,
        f"change_{table}_insert",
        "    INSERT INTO change(workspace_id, subject, subject_id, version, at)"  # noqa: S608 - of constants
        f" SELECT workspace_id, '{subject}', {key}, 0, {_NOW} FROM added{where};",
        when,
    )


def _kept(table: str, name: str, events: dict[str, str], body: str) -> Iterator[str]:
    """Yield a function and its triggers, by their events with what has to be so for them to run."""
    yield _function(name, body)
    for event, when in events.items():
        yield (
            f"CREATE TRIGGER {name}_{event.split()[0].lower()} AFTER {event} ON {table} FOR EACH ROW"
            f" WHEN ({when}) EXECUTE FUNCTION {name}()"
        )


_FEED: Final = (
    # Which transaction wrote a change: numbers are given out in another order than that of the commits, so
    # whoever reads the feed has to know which transactions were still under way.
    "ALTER TABLE change ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX ix_change_xid ON change (xid)",
    _function("everything_changed", f"    PERFORM pg_notify('{CHANNEL}', '{EVERYTHING}');"),
    # Somebody who takes the feed's rows away takes what followers would have been told.
    """CREATE TRIGGER change_gone AFTER TRUNCATE ON change
        FOR EACH STATEMENT EXECUTE FUNCTION everything_changed()""",
)

_AUDIT: Final = (
    # What was done, until it is sealed in order (`storage.postgres.sealing`): a moment after its commit.
    """CREATE TABLE audit_unsealed (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        workspace_id TEXT COLLATE "C" NOT NULL REFERENCES workspace (id),
        at BIGINT NOT NULL,
        actor_type TEXT COLLATE "C" NOT NULL,
        actor_id TEXT COLLATE "C",
        actor_name TEXT COLLATE "C" NOT NULL,
        action TEXT COLLATE "C" NOT NULL,
        subject TEXT COLLATE "C" NOT NULL,
        subject_id TEXT COLLATE "C" NOT NULL,
        address TEXT COLLATE "C",
        request_id TEXT COLLATE "C",
        before TEXT COLLATE "C",
        after TEXT COLLATE "C")""",
    # The greatest number that was ever given out: so that it shows when the end was cut.
    "CREATE TABLE audit_end (seq BIGINT NOT NULL)",
    "INSERT INTO audit_end(seq) VALUES (0)",
    # Nothing is in it: whoever has to write alone locks it.
    "CREATE TABLE write_turn ()",
    *_kept(
        "audit",
        "audit_count_removed",
        {"DELETE": "true"},
        """    UPDATE audit_count SET total = total - 1 WHERE workspace_id = old.workspace_id
        AND actor_type = old.actor_type AND subject = old.subject AND action = old.action;""",
    ),
)

_KEYS: Final = (
    # Sorting by expiry puts keys without one last.
    """CREATE INDEX ix_api_key_expiry ON api_key
        (workspace_id, (coalesce(expires_at, 9223372036854775807)), seq, status, expires_at, creator_tag)""",
    # What SQLite keeps by triggers is counted here when it is asked for: a number that many writers kept
    # together would have each of them wait for the others.
    """CREATE VIEW key_count AS
        SELECT workspace_id, '' COLLATE "C" AS chatflow_id, status, count(*) AS total
            FROM api_key GROUP BY workspace_id, status
        UNION ALL SELECT binding.workspace_id, binding.chatflow_id, api_key.status, count(*)
            FROM binding JOIN api_key ON api_key.id = binding.key_id
            GROUP BY binding.workspace_id, binding.chatflow_id, api_key.status""",
    # How many chatflows a key opens, and how many keys of a customer are not revoked.
    *_kept(
        "binding",
        "api_key_bound",
        {"INSERT": "true"},
        "    UPDATE api_key SET chatflow_count = chatflow_count + 1 WHERE seq = new.key_seq;",
    ),
    *_kept(
        "binding",
        "api_key_unbound",
        {"DELETE": "true"},
        "    UPDATE api_key SET chatflow_count = chatflow_count - 1 WHERE seq = old.key_seq;",
    ),
    *_kept(
        "api_key",
        "customer_keys",
        {
            "INSERT": "new.customer_id IS NOT NULL",
            "UPDATE": "(old.customer_id IS NOT NULL OR new.customer_id IS NOT NULL)"
            " AND (old.customer_id IS DISTINCT FROM new.customer_id"
            " OR old.status IS DISTINCT FROM new.status)",
            "DELETE": "old.customer_id IS NOT NULL",
        },
        """    IF TG_OP <> 'INSERT' AND old.status <> 'revoked' THEN
        UPDATE customer SET key_count = key_count - 1 WHERE id = old.customer_id;
    END IF;
    IF TG_OP <> 'DELETE' AND new.status <> 'revoked' THEN
        UPDATE customer SET key_count = key_count + 1 WHERE id = new.customer_id;
    END IF;""",
    ),
    # What a key holds, as rows; nothing where somebody wrote no list by hand.
    """CREATE FUNCTION permissions_held(permissions text) RETURNS SETOF text
    LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    RETURN QUERY SELECT jsonb_array_elements_text(permissions::jsonb);
EXCEPTION WHEN data_exception THEN
    RETURN;
END $$""",
)

_PASSAGES: Final = (
    # Passages are found by terms that are made in Python: they are only cut at their spaces, and counted.
    """CREATE FUNCTION passage_terms(heading text, content text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(
        '''' || replace(replace(term, '\\', '\\\\'), '''', '''''') || ''':' || least(place, 16383) || weight,
        ' '), '')::tsvector
    FROM (
        SELECT term, place, 'A' AS weight
            FROM unnest(string_to_array(heading, ' ')) WITH ORDINALITY AS named(term, place)
        UNION ALL SELECT term, place + 16 + cardinality(string_to_array(heading, ' ')), 'D'
            FROM unnest(string_to_array(content, ' ')) WITH ORDINALITY AS said(term, place)
    ) AS both_parts WHERE term <> ''
$$""",
    """ALTER TABLE passage ADD COLUMN terms tsvector
        GENERATED ALWAYS AS (passage_terms(heading_terms, content_terms)) STORED""",
    """ALTER TABLE passage ADD COLUMN terms_count BIGINT GENERATED ALWAYS AS
        (cardinality(string_to_array(heading_terms, ' ')) + cardinality(string_to_array(content_terms, ' ')))
        STORED""",
    "CREATE INDEX ix_passage_terms ON passage USING gin (terms)",
)

_TOLD: Final = (
    *_told("api_key", "key", "id", _OF_KEY),
    *_told("token", "key", "key_id", _OF_TOKEN),
    *_told("binding", "key", "key_id", _OF_BINDING),
    *_told("chatflow", "chatflow", "id", _OF_CHATFLOW),
    *_told("customer", "customer", "id", _OF_CUSTOMER),
    *_told("policy", "policy", "workspace_id", _OF_POLICY, "allowed_ips"),
)

OF_ADDED: Final = (
    *_of_added(
        "change",
        "change_told",
        f"""    PERFORM pg_notify('{CHANNEL}', CASE WHEN length(subject_id) > {_LONGEST} THEN '{EVERYTHING}'
        ELSE concat_ws(' ', xid, at, workspace_id, subject, subject_id) END) FROM added ORDER BY seq;""",
    ),
    *_of_added(
        "audit",
        "audit_count_added",
        """    INSERT INTO audit_count(workspace_id, actor_type, subject, action, total)
        SELECT workspace_id, actor_type, subject, action, count(*) FROM added
        GROUP BY workspace_id, actor_type, subject, action ORDER BY workspace_id, actor_type, subject, action
        ON CONFLICT (workspace_id, actor_type, subject, action)
        DO UPDATE SET total = audit_count.total + excluded.total;""",
    ),
    # The end of a key's newest token.
    *_of_added(
        "token",
        "api_key_hint",
        """    UPDATE api_key SET hint = newest.hint
        FROM (SELECT DISTINCT ON (key_id) key_id, hint FROM added ORDER BY key_id, seq DESC) AS newest
        WHERE id = newest.key_id AND api_key.hint IS DISTINCT FROM newest.hint;""",
    ),
    # Of a key nobody knows anything before it has a token, and of that the services tell themselves.
    *_told_of_added("token", "key", "key_id", when=f"current_setting('{TELLS}', true) IS DISTINCT FROM 'on'"),
    *_told_of_added("binding", "key", "key_id"),
    *_told_of_added("chatflow", "chatflow", "id"),
    *_told_of_added("customer", "customer", "id"),
    *_told_of_added("policy", "policy", "workspace_id", "allowed_ips"),
)
"""Triggers that run once for all rows that a statement adds, since migration 0027."""

FOR_EACH: Final = (
    "DROP TRIGGER IF EXISTS change_told ON change",
    "DROP FUNCTION IF EXISTS tell_change",
    "DROP TRIGGER IF EXISTS audit_count_added_insert ON audit",
    "DROP TRIGGER IF EXISTS api_key_hint_insert ON token",
    *(
        f"DROP TRIGGER IF EXISTS change_{table}_insert ON {table}"
        for table in ("api_key", "token", "binding", "chatflow", "customer", "policy")
    ),
)
"""What takes away the triggers that ran for each of them before that."""

AFTER: Final = (
    *_FEED,
    *_AUDIT,
    *_KEYS,
    *KEY_BITS,
    *KEY_VERSION,
    *_PASSAGES,
    *_TOLD,
    *OF_ADDED,
)
"""What is made when the tables are there."""
