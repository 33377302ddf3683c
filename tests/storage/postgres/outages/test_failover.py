"""The primary goes, and a replica is promoted: what callers are told, and that nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.postgres import migrate
from tests.storage.postgres.outages.replicated import Pair
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.postgres import Postgres
from tests.support.server import Running
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SECRET = "0123456789abcdef" * 3


@pytest.fixture
def pair(postgres: Postgres) -> Iterator[Pair]:
    """A primary and its replica."""
    del postgres  # what its wheel needs to start is made
    found = Pair()
    yield found
    found.stop()


def test_nothing_acknowledged_is_lost_when_a_replica_is_promoted(pair: Pair, tmp_path: Path) -> None:
    """And nothing is read from it before: a key that was revoked is accepted by nobody at any moment."""
    with pytest.raises(ConfigurationError, match="standby"):
        migrate.upgrade(pair.replica.url())
    running = Running(tmp_path / "data", database=pair.url, secret=SECRET).start()
    try:
        with running.owner() as owner:
            chatflow = make_chatflow(owner)
            live, gone, unseen = (bound_key(owner, chatflow, name) for name in ("live", "gone", "unseen"))
            callers = [running.api(key["apiKey"]) for key in (live, gone, unseen)]
            assert [caller.get("/auth/verify").status_code for caller in callers[:2]] == [200, 200]
            # The replica has it and does not show it yet: whoever read there would accept it.
            pair.replica.execute("SELECT pg_wal_replay_pause()")
            until(
                lambda: pair.replica.execute("SELECT pg_get_wal_replay_pause_state()") == [("paused",)],
                "the replica to show nothing new",
            )
            assert owner.delete(f"/apikey/{gone['id']}").status_code == 200
            made = [make_key(owner, f"late {number}")["id"] for number in range(5)]
            with psycopg.connect(pair.replica.url()) as raw:
                old = raw.execute("SELECT status FROM api_key WHERE id = %s", (gone["id"],)).fetchone()
                assert old == ("active",)
            pair.fail_over()
            statuses = {name: set() for name in ("live", "gone", "unseen")}

            def ask() -> dict[str, int]:
                found = {
                    name: caller.get("/auth/verify").status_code
                    for name, caller in zip(statuses, callers, strict=True)
                }
                for name, status in found.items():
                    statuses[name].add(status)
                return found

            until(lambda: ask()["live"] == 503, "the bound to be over")
            for _ in range(20):
                ask()
            assert statuses["gone"] <= {401, 503}, statuses
            assert statuses["unseen"] == {503}
            assert owner.post("/apikey", json={"keyName": "x"}).status_code == 503
            pair.replica.promote()
            until(lambda: ask() == {"live": 200, "gone": 401, "unseen": 200}, "the promoted one to be found")
            assert statuses["gone"] <= {401, 503}, statuses
            until(lambda: owner.get(f"/apikey/{made[0]}").status_code == 200, "a list to be read")
            for key_id in made:
                assert owner.get(f"/apikey/{key_id}").status_code == 200
            until(lambda: owner.delete(f"/apikey/{live['id']}").status_code == 200, "a change to be made")
            assert ask()["live"] == 401
            (head, ends) = pair.replica.execute("SELECT max(seq), (SELECT seq FROM audit_end) FROM audit")[0]
            assert head == ends
        for caller in callers:
            caller.close()
    finally:
        running.begin_to_stop()
        running.stop()
