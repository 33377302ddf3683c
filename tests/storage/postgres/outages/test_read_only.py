"""A server whose PostgreSQL lets nobody write, as a copy does, or one that is being moved."""

from pathlib import Path

import psycopg

from tests.support.flows import bound_key, make_chatflow
from tests.support.postgres import name_of
from tests.support.server import Running
from tests.support.waiting import until

SECRET = "0123456789abcdef" * 3


def test_changes_are_unavailable_while_nothing_can_be_written(postgres_url: str, tmp_path: Path) -> None:
    """Keys are let in; changes are 503, and stored again as soon as the database takes them."""
    running = Running(tmp_path / "data", database=postgres_url, secret=SECRET).start()
    name = name_of(postgres_url)
    try:
        owner = running.owner()
        key = running.api(bound_key(owner, make_chatflow(owner))["apiKey"])
        with psycopg.connect(postgres_url, autocommit=True) as raw:
            raw.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            raw.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            )
            try:
                until(lambda: key.get("/auth/verify").status_code == 200, "the key is let in")
                for _ in range(2):
                    refused = owner.post("/apikey", json={"keyName": "x"})
                    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
                    assert int(refused.headers["retry-after"]) > 0
            finally:
                raw.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        until(
            lambda: owner.post("/apikey", json={"keyName": "x"}).status_code == 201,
            "changes to be stored again",
        )
        assert key.get("/auth/verify").status_code == 200
    finally:
        running.stop()
