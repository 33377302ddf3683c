"""What only PostgreSQL has: what triggers keep, and how changes are told of, those made in psql too."""

from collections.abc import Iterator
from typing import Final

from flowkeys.storage.keys.bits_ddl import KEY_BITS

CHANNEL: Final = "flowkeys_change"
"""Where changes are told of, when they are committed: by the transaction's number (xid8), when the change was
made, the workspace, the subject and its id, with blanks between them."""
EVERYTHING: Final = "*"
"""What is told where nobody can say what was changed: all that is known is to be forgotten."""
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
    return f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
{body}
    RETURN NULL;
END $$"""


def _differ(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)


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
        f"""    IF TG_OP <> 'INSERT' THEN
        {tell.format(row="old")}
    END IF;
    IF TG_OP = 'INSERT' THEN
        {tell.format(row="new")}
    ELSIF TG_OP = 'UPDATE' THEN
        IF old.{key} IS DISTINCT FROM new.{key} OR old.workspace_id IS DISTINCT FROM new.workspace_id THEN
            {tell.format(row="new")}
        END IF;
    END IF;""",
    )
    for event, when in (
        ("INSERT", f"new.{only} IS NOT NULL" if only else "true"),
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
    _function(
        "tell_change",
        f"""    IF length(new.subject_id) > {_LONGEST} THEN
        PERFORM pg_notify('{CHANNEL}', '{EVERYTHING}');
    ELSE
        PERFORM pg_notify('{CHANNEL}',
            concat_ws(' ', new.xid, new.at, new.workspace_id, new.subject, new.subject_id));
    END IF;""",
    ),
    "CREATE TRIGGER change_told AFTER INSERT ON change FOR EACH ROW EXECUTE FUNCTION tell_change()",
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
        "audit_count_added",
        {"INSERT": "true"},
        """    INSERT INTO audit_count(workspace_id, actor_type, subject, action, total)
        VALUES (new.workspace_id, new.actor_type, new.subject, new.action, 1)
        ON CONFLICT (workspace_id, actor_type, subject, action)
        DO UPDATE SET total = audit_count.total + 1;""",
    ),
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
    # How many chatflows a key opens, the end of its newest token, and how many keys of a customer are not
    # revoked.
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
        "token",
        "api_key_hint",
        {"INSERT": "true"},
        "    UPDATE api_key SET hint = new.hint WHERE id = new.key_id AND hint IS DISTINCT FROM new.hint;",
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

AFTER: Final = (
    *_FEED,
    *_AUDIT,
    *_KEYS,
    *KEY_BITS,
    *_PASSAGES,
    *_told("api_key", "key", "id", _OF_KEY),
    *_told("token", "key", "key_id", _OF_TOKEN),
    *_told("binding", "key", "key_id", _OF_BINDING),
    *_told("chatflow", "chatflow", "id", _OF_CHATFLOW),
    *_told("customer", "customer", "id", _OF_CUSTOMER),
    *_told("policy", "policy", "workspace_id", _OF_POLICY, "allowed_ips"),
)
"""What is made when the tables are there."""
