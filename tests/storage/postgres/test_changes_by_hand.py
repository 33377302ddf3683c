"""The feed of changes knows what was changed in psql, and tells of it when it is committed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from typing import Any

import psycopg
import pytest

from flowkeys.storage.postgres.ddl import CHANNEL, EVERYTHING, TELLS
from tests.support.waiting import PATIENCE_SECONDS


@contextmanager
def psql(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as somebody's own, with three keys and what belongs to them."""
    with psycopg.connect(url, autocommit=True) as raw:
        raw.execute("INSERT INTO workspace VALUES ('w', 'w', 0)")
        for name in ("a", "b", "c"):
            raw.execute(
                "INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status,"
                " created_by_type, created_by_name, created_at, updated_at, version)"
                " VALUES (%s, 'w', 'k', 'k', '[]', 'active', 'operator', 'o', 0, 0, 1)",
                (name,),
            )
            raw.execute(
                "INSERT INTO token (workspace_id, key_id, digest, hint, created_at)"
                " VALUES ('w', %s, %s, 'hint', 0)",
                (name, f"digest {name}"),
            )
            raw.execute(
                "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras,"
                " created_at, updated_at, version) VALUES (%s, 'w', 'f', 'CHATFLOW', '{}', false, '{}',"
                " 0, 0, 1)",
                (f"flow_{name}",),
            )
            raw.execute(
                "INSERT INTO customer (id, workspace_id, name, name_folded, external_id, meta, status,"
                " created_at, updated_at, version) VALUES (%s, 'w', 'c', 'c', %s, '{}', 'active', 0, 0, 1)",
                (f"c_{name}", name),
            )
        raw.execute(
            "INSERT INTO binding (workspace_id, key_id, chatflow_id, created_at, key_seq)"
            " SELECT workspace_id, id, 'flow_' || id, 0, seq FROM api_key"
        )
        raw.execute("INSERT INTO policy VALUES ('w', NULL, 0, NULL, NULL, NULL, 0, 1)")
        yield raw


@pytest.mark.parametrize(
    ("change", "whose"),
    [
        ("UPDATE token SET digest = 'other' WHERE key_id = 'a'", "key a"),
        ("UPDATE token SET key_id = 'b' WHERE key_id = 'a'", "key a, key b"),
        ("UPDATE token SET valid_until = 5 WHERE key_id = 'a'", "key a"),
        ("UPDATE token SET replaced_at = 5 WHERE key_id = 'a'", "key a"),
        ("UPDATE token SET seq = 77 WHERE key_id = 'a'", "key a"),
        ("UPDATE token SET hint = 'none', created_at = 7, uses = 9, last_used_at = 7", ""),
        ("DELETE FROM token WHERE key_id = 'a'", "key a"),
        ("UPDATE api_key SET status = 'revoked' WHERE id <> 'a'", "key b, key c"),
        ("UPDATE api_key SET permissions = '[\"*\"]' WHERE id = 'a'", "key a"),
        ("UPDATE api_key SET expires_at = 5 WHERE id = 'a'", "key a"),
        ("UPDATE api_key SET allowed_ips = '[]' WHERE id = 'a'", "key a"),
        ("UPDATE api_key SET customer_id = 'c_a' WHERE id = 'a'", "key a"),
        ("UPDATE api_key SET rate_limits = '[]' WHERE id = 'a'", "key a"),
        ("UPDATE api_key SET quotas = '[]' WHERE id = 'a'", "key a"),
        ("UPDATE api_key SET note = 'n', last_used_at = 5, version = 9, hint = 'x'", ""),
        ("UPDATE binding SET rate_limits = '[]' WHERE key_id = 'a'", "key a"),
        ("UPDATE binding SET chatflow_id = 'flow_b' WHERE key_id = 'a'", "key a"),
        ("UPDATE binding SET key_id = 'b' WHERE key_id = 'a'", "key a, key b"),
        ("DELETE FROM binding WHERE key_id = 'a'", "key a"),
        ("UPDATE chatflow SET is_public = true WHERE id = 'flow_a'", "chatflow flow_a"),
        ("UPDATE chatflow SET flow_data = '{1}' WHERE id = 'flow_a'", "chatflow flow_a"),
        ("UPDATE chatflow SET rate_limits = '[]' WHERE id = 'flow_a'", "chatflow flow_a"),
        ("UPDATE chatflow SET chatbot_config = '{}' WHERE id = 'flow_a'", "chatflow flow_a"),
        ("UPDATE chatflow SET category = 'x', version = 9", ""),
        ("DELETE FROM chatflow WHERE id = 'flow_a'", "chatflow flow_a, key a"),
        ("UPDATE customer SET name = 'x' WHERE id = 'c_a'", "customer c_a"),
        ("UPDATE customer SET status = 'disabled' WHERE id = 'c_a'", "customer c_a"),
        ("UPDATE customer SET quotas = '[]' WHERE id = 'c_a'", "customer c_a"),
        ("UPDATE customer SET id = 'd' WHERE id = 'c_a'", "customer c_a, customer d"),
        ("UPDATE customer SET meta = '[]', key_count = 5, updated_at = 9", ""),
        ("UPDATE policy SET allowed_ips = '[]'", "policy w"),
        ("UPDATE policy SET max_lifetime_days = 5", ""),
        ("DELETE FROM policy", ""),
        (
            (
                "INSERT INTO token (workspace_id, key_id, digest, hint, created_at)"
                " SELECT 'w', id, 'new ' || id, 'new', 1 FROM api_key WHERE id <> 'b'"
            ),
            "key a, key c",
        ),
        (
            (
                "INSERT INTO binding (workspace_id, key_id, chatflow_id, created_at, key_seq)"
                " SELECT 'w', id, 'flow_c', 0, seq FROM api_key WHERE id <> 'c'"
            ),
            "key a, key b",
        ),
        (
            (
                "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras,"
                " created_at, updated_at, version)"
                " SELECT 'new_' || n, 'w', 'f', 'CHATFLOW', '{}', false, '{}', 0, 0, 1"
                " FROM generate_series(1, 2) n"
            ),
            "chatflow new_1, chatflow new_2",
        ),
        (
            (
                "INSERT INTO customer (id, workspace_id, name, name_folded, external_id, meta, status,"
                " created_at, updated_at, version) VALUES ('d', 'w', 'c', 'c', 'd', '{}', 'active', 0, 0, 1)"
            ),
            "customer d",
        ),
        (
            (
                "INSERT INTO policy VALUES ('w', NULL, 0, NULL, NULL, '[]', 0, 1)"
                " ON CONFLICT (workspace_id) DO UPDATE SET allowed_ips = excluded.allowed_ips"
            ),
            "policy w",
        ),
        ("INSERT INTO token SELECT * FROM token WHERE false", ""),
        ("TRUNCATE token", EVERYTHING),
        ("TRUNCATE change", EVERYTHING),
        ("UPDATE customer SET id = repeat('x', 8000) WHERE id = 'c_a'", f"{EVERYTHING}, customer c_a"),
    ],
)
def test_what_is_changed_by_hand_is_told_of_once_it_is_committed(
    postgres_url: str, change: str, whose: str
) -> None:
    """With the transaction that wrote it; nothing is told of what is rolled back, or says nothing."""
    with psql(postgres_url) as raw, psycopg.connect(postgres_url, autocommit=True) as hearing:
        hearing.execute(f"LISTEN {CHANNEL}")
        with raw.transaction(force_rollback=True):
            raw.execute(change)
        with raw.transaction():
            xid = raw.execute("SELECT pg_current_xact_id()::text").fetchone()
            raw.execute("DELETE FROM change")
            raw.execute(change)
            rows = raw.execute("SELECT xid::text, subject, subject_id FROM change").fetchall()
        raw.execute(f"NOTIFY {CHANNEL}, 'the end'")
        with closing(hearing.notifies(timeout=PATIENCE_SECONDS)) as notes:  # it holds the connection's lock
            told = [*takewhile(lambda text: text != "the end", (note.payload for note in notes))]
    assert xid is not None
    expected = set(filter(None, whose.split(", ")))
    assert {text if text == EVERYTHING else text.split(" ", 3)[3] for text in told} == expected
    assert {text.split(" ")[:3:2] == [xid[0], "w"] for text in told if text != EVERYTHING} <= {True}
    if "TRUNCATE" not in change and EVERYTHING not in whose:
        assert {(one, f"{subject} {subject_id}") for one, subject, subject_id in rows} == {
            (xid[0], each) for each in expected
        }


def test_a_session_with_another_search_path_is_told_of_too(postgres_url: str) -> None:
    """Somebody who writes the schema's name in front."""
    with psql(postgres_url) as raw:
        raw.execute("SET search_path = pg_catalog")
        raw.execute("DELETE FROM public.change")
        raw.execute("UPDATE public.api_key SET status = 'disabled' WHERE id = 'a'")
        assert raw.execute("SELECT subject_id FROM public.change").fetchall() == [("a",)]


def test_who_tells_of_new_tokens_is_not_told_of_them_again(postgres_url: str) -> None:
    """What the services write says so itself; the key's hint is its newest token's all the same."""
    with psql(postgres_url) as raw:
        raw.execute("DELETE FROM change")
        with raw.transaction():
            raw.execute(f"SET LOCAL {TELLS} = 'on'")
            raw.execute(
                "INSERT INTO token (workspace_id, key_id, digest, hint, created_at)"
                " VALUES ('w', 'a', 'second', 'two', 1), ('w', 'a', 'third', 'three', 1)"
            )
            raw.execute("UPDATE api_key SET status = 'disabled' WHERE id = 'b'")
        assert raw.execute("SELECT subject_id FROM change").fetchall() == [("b",)]
        assert raw.execute("SELECT hint FROM api_key WHERE id = 'a'").fetchone() == ("three",)
        raw.execute("UPDATE token SET digest = 'fourth' WHERE digest = 'third'")
        assert raw.execute("SELECT subject_id FROM change").fetchall() == [("b",), ("a",)]
