"""A PostgreSQL database gets the schema that SQLite has, and nobody changes it unasked."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import sqlalchemy

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.postgres import migrate
from flowkeys.storage.postgres.schema import ONLY_SQLITE
from flowkeys.storage.schema import metadata
from tests.support.postgres import Postgres

OWN = {"change": {"xid"}, "passage": {"terms", "terms_count"}}
"""Columns that only PostgreSQL has, by table."""
OWN_TABLES = {
    *("audit_unsealed", "audit_end", "write_turn", "alembic_version"),
    *("key_bits", "key_unread", "key_expired", "key_version"),
}
_TRIGGERS = """SELECT pg_get_triggerdef(pg_trigger.oid), pg_get_functiondef(tgfoid), tgenabled FROM pg_trigger
    WHERE NOT tgisinternal ORDER BY 1"""
_TABLES = ("api_key", "token", "binding", "chatflow", "customer", "policy")
_FOR_EACH_ROW = (
    "DROP TRIGGER change_told ON change",
    "DROP TRIGGER audit_count_added ON audit",
    "DROP TRIGGER api_key_hint ON token",
    *(f"DROP TRIGGER change_{table}_insert ON {table}" for table in _TABLES[1:]),
    "CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "CREATE TRIGGER change_told AFTER INSERT ON change FOR EACH ROW EXECUTE FUNCTION tell_change()",
    """CREATE TRIGGER audit_count_added_insert AFTER INSERT ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_count_added()""",
    "CREATE TRIGGER api_key_hint_insert AFTER INSERT ON token FOR EACH ROW EXECUTE FUNCTION api_key_hint()",
    *(
        f"""CREATE TRIGGER change_{table}_insert AFTER INSERT ON {table}
        FOR EACH ROW EXECUTE FUNCTION change_of_{table}()"""
        for table in _TABLES
    ),
)
"""What triggers were before migration 0027, by their names."""
_LATER = (
    "key_bits",
    "key_unread",
    "key_expired",
    "key_version",
    "import_job",
    "execution",
    "execution_flow",
    "credential",
    "code_approval",
    "tool",
    "variable",
)
"""Tables that later migrations add."""


def test_both_databases_have_one_schema(postgres_url: str) -> None:
    """Tables, columns with what they may hold, keys and indexes, as the database itself tells of them."""
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(postgres_url),
        poolclass=sqlalchemy.NullPool,
    )
    found = sqlalchemy.inspect(engine)
    tables = {name: table for name, table in metadata.tables.items() if name not in ONLY_SQLITE}
    assert set(found.get_table_names()) - OWN_TABLES == set(tables)
    for name, table in tables.items():
        columns = _columns(found, name)
        assert columns.keys() - OWN.get(name, set()) == {column.name for column in table.columns}
        for column in table.columns:
            own = columns[column.name]
            assert own["nullable"] == column.nullable, f"{name}.{column.name}"
            assert _kind(own["type"]) == _kind(column.type), f"{name}.{column.name}"
        assert {index["name"] for index in found.get_indexes(name)} >= {i.name for i in table.indexes}
        referred = {key.referred_table.name for key in table.foreign_key_constraints}
        assert {key["referred_table"] for key in found.get_foreign_keys(name)} == referred
    engine.dispose()


def _columns(found: sqlalchemy.Inspector, name: str) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Did not recognize type 'xid8'")
        return {column["name"]: column for column in found.get_columns(name)}


def _kind(of: sqlalchemy.types.TypeEngine[object]) -> type:
    kinds = (sqlalchemy.Boolean, sqlalchemy.Integer, sqlalchemy.Text, sqlalchemy.LargeBinary)
    return next(kind for kind in kinds if isinstance(of, kind))


def test_of_many_that_start_at_once_one_makes_the_schema(postgres: Postgres) -> None:
    """The others find it made."""
    url = postgres.create()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate.upgrade, [url] * 4))
    with psycopg.connect(url) as raw:
        assert migrate.revision(raw) == migrate.HEAD
    postgres.drop(url)


def test_an_old_schema_is_left_alone_where_it_may_not_be_changed(
    postgres: Postgres, postgres_url: str
) -> None:
    """It is said what to do; and a newer version's is nobody's to change."""
    url = postgres.create()
    with pytest.raises(ConfigurationError, match=r"has no schema yet.*flowkeys migrate"):
        migrate.upgrade(url, may_change=False)
    postgres.drop(url)
    migrate.upgrade(postgres_url, may_change=False)
    with psycopg.connect(postgres_url, autocommit=True) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(ConfigurationError, match="9999, which this version of flowkeys does not know"):
            migrate.upgrade(postgres_url)
        raw.execute("UPDATE alembic_version SET version_num = %s", (migrate.HEAD,))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://keys:hunter2@127.0.0.1:9/flowkeys", "refused"),
        ("postgresql://keys:hunter2@/flowkeys?host=/nowhere", "No such file"),
        ("postgresql://keys:hunter2@127.0.0.1/flowkeys?sslmod=x", "sslmod"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, said: str) -> None:
    """With what the driver says of it."""
    with pytest.raises(ConfigurationError) as caught:
        migrate.upgrade(url)
    assert said in str(caught.value)
    assert "postgresql://keys@" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_is_not_there_yet_is_said_with_the_command_that_makes_it(postgres: Postgres) -> None:
    """For whoever skipped a step."""
    with pytest.raises(ConfigurationError, match=r'"nowhere" does not exist\. Make it: createdb --owner='):
        migrate.upgrade(postgres.url("nowhere"))
    with pytest.raises(ConfigurationError, match=r'"nobody" does not exist\. Make the user: createuser'):
        migrate.upgrade(postgres.url().replace("//postgres@", "//nobody@"))


def test_a_database_in_another_encoding_is_refused(postgres: Postgres) -> None:
    """Names in it could not be what people write."""
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ConfigurationError, match=r"LATIN1.*UTF8"):
        migrate.upgrade(postgres.url("latin"))
    postgres.execute("DROP DATABASE latin")


def test_an_older_schema_is_brought_up_to_date(postgres_url: str) -> None:
    """With the keys that are there; all of it in one transaction, which nothing ends on the way."""
    with psycopg.connect(postgres_url, autocommit=True) as raw:
        new = raw.execute(_TRIGGERS).fetchall()
        raw.execute("INSERT INTO workspace VALUES ('w', 'w', 0)")
        raw.execute(
            """INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, created_by_type,
            created_by_name, created_at, updated_at, version) VALUES ('k', 'w', 'n', 'n', '[]', 'active',
            'operator', 'o', 1, 1, 1)"""
        )
        raw.execute(f"DROP TABLE {', '.join(_LATER)}")
        raw.execute("DROP FUNCTION key_version_anew")
        raw.execute("ALTER TABLE message DROP COLUMN execution_id")
        for (name,) in raw.execute(
            "SELECT proname FROM pg_proc WHERE proname LIKE '%\\_noted\\_%'"
        ).fetchall():
            raw.execute(f"DROP FUNCTION {name} CASCADE")
        for statement in _FOR_EACH_ROW:
            raw.execute(statement)
        raw.execute("UPDATE alembic_version SET version_num = '0025'")
    with pytest.raises(ConfigurationError, match="0025"):
        migrate.upgrade(postgres_url, may_change=False)
    migrate.upgrade(postgres_url)
    with psycopg.connect(postgres_url) as raw:
        assert migrate.revision(raw) == migrate.HEAD
        assert raw.execute("SELECT count(*) FROM key_unread").fetchone() == (1,)
        assert raw.execute(_TRIGGERS).fetchall() == new
