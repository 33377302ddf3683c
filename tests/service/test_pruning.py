"""Old rows of the feed of changes go, and nobody who follows misses anything by that."""

from pathlib import Path

import psycopg
import pytest

from flowkeys.bootstrap import clock
from flowkeys.domain.times import SECOND
from flowkeys.service import followers
from flowkeys.service.followers import Pruning
from tests.support import databases
from tests.support.server import Api, Running
from tests.support.waiting import until

HOUR = 3600 * SECOND
KEPT = 24 * HOUR


def prune(server: Running, hours: int) -> int:
    """Delete what would be older than a day in so many hours; return how much went."""
    later = lambda: clock() + hours * HOUR  # noqa: E731
    done: int = server.do(Pruning(server.runtime.store, later, KEPT, pytest.fail, pause=0).prune())
    return done


def told(owner: Api, after: int, epoch: str) -> str:
    """Return what somebody is told who knows all up to a position."""
    found = owner.get(f"/changes?follow=false&after={after}&epoch={epoch}")
    assert found.status_code == 200, found.text
    return found.text


@pytest.mark.parametrize("where", ["a file", "PostgreSQL"])
def test_what_is_old_goes_a_few_at_a_time_and_the_newest_stays(
    where: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are answered as before, nothing is forgotten, and what is changed afterwards holds."""
    monkeypatch.setattr(followers, "_PRUNED_AT_ONCE", 3)
    url = request.getfixturevalue("postgres_url") if where == "PostgreSQL" else None
    options = {} if url is None else {"database": url}
    own = Running(tmp_path / "data", **options, secret="0123456789abcdef" * 3).start()

    def rows() -> int:
        return databases.by_hand(own.data_dir, "SELECT count(*) FROM change", url=url)[0][0]

    try:
        keys = [own.key(f"key {number}") for number in range(6)]
        caller = own.api(keys[0]["apiKey"])
        with own.owner() as owner:
            assert caller.get("/auth/verify").status_code == 200
            epoch, position = own.runtime.followers.epoch, own.runtime.feed.position
            before, generation = rows(), own.runtime.keys.generation
            assert (prune(own, 1), rows()) == (0, before)
            gone = prune(own, 48)
            left = rows()
            assert before - left == gone > before / 2
            assert (prune(own, 48), rows()) == (0, left), "the newest stays"
            assert left >= 1
            assert caller.get("/auth/verify").status_code == 200
            assert own.runtime.keys.generation == generation, "nothing had to be forgotten"
            assert owner.delete(f"/apikey/{keys[0]['id']}").status_code == 200
            assert caller.get("/auth/verify").status_code == 401
            assert "event: change" in told(owner, position, epoch)
            if url is None:  # PostgreSQL's followers are told what the process remembers
                assert "event: forget" in told(owner, 1, epoch)
        caller.close()
    finally:
        own.stop()


def test_a_server_that_was_away_while_changes_went_forgets_everything(
    tmp_path: Path, postgres_url: str
) -> None:
    """Given a feed that was cut off, what it cannot be told of any more is not believed to be as it was."""
    own = Running(tmp_path / "data", database=postgres_url, secret="0123456789abcdef" * 3).start()
    try:
        key, other = own.key("key"), own.key("other")
        caller, second = own.api(key["apiKey"]), own.api(other["apiKey"])
        assert (caller.get("/auth/verify").status_code, second.get("/auth/verify").status_code) == (200, 200)
        generation = own.runtime.keys.generation
        with psycopg.connect(postgres_url, autocommit=True) as raw, raw.transaction():
            raw.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database() AND application_name = 'flowkeys feed'"
            )
            raw.execute("UPDATE api_key SET status = 'revoked' WHERE id = %s", (key["id"],))
            # As if that had been days ago: its row is gone, and a later one is there.
            raw.execute("DELETE FROM change")
            raw.execute(
                "INSERT INTO change(workspace_id, subject, subject_id, version, at)"
                " SELECT workspace_id, 'chatflow', 'none', 0, 0 FROM api_key LIMIT 1"
            )
        until(lambda: own.runtime.keys.generation > generation, "everything to be forgotten")
        until(lambda: caller.get("/auth/verify").status_code == 401, "the revocation to be known")
        until(lambda: second.get("/auth/verify").status_code == 200, "other keys to be read anew")
        caller.close()
        second.close()
    finally:
        own.stop()
