"""PostgreSQL is stopped (SIGSTOP), all of it or the processes in use: what two servers answer, and later."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.process import Served
from tests.storage.postgres.outages.asked import AWAY, WELL, Asked
from tests.storage.postgres.outages.replicated import Alone, Cluster, go_on
from tests.support.waiting import until

pytestmark = pytest.mark.slow  # a server of PostgreSQL's own, and seconds until its silence is believed
MOST = 6
"""So many connections may read, and one after the other be waited for."""
OURS = "application_name LIKE 'flowkeys%' AND pid <> pg_backend_pid()"


@pytest.fixture
def cluster(postgres: object) -> Iterator[Cluster]:
    """A PostgreSQL that nobody else uses."""
    del postgres  # it makes the user under which another one runs
    alone = Alone()
    yield alone.cluster
    alone.stop()


@pytest.fixture
def servers(cluster: Cluster, tmp_path: Path) -> Iterator[list[Served]]:
    """Two servers over it."""
    own = {
        "FLOWKEYS_DATABASE": cluster.url(),
        "FLOWKEYS_SECRET": "0123456789abcdef" * 3,
        "FLOWKEYS_REVOCATION_BOUND_MS": "400",
    }
    started = [Served(tmp_path / name, **own).start() for name in ("one", "two")]
    yield started
    for server in started:
        server.stop()


def _all(cluster: Cluster) -> list[int]:
    return cluster.pause()


def _in_use(cluster: Cluster) -> list[int]:
    found = cluster.execute(f"SELECT pid FROM pg_stat_activity WHERE {OURS}")
    return cluster.pause([pid for (pid,) in found])


@pytest.mark.parametrize("stop", [_all, _in_use], ids=["all of it", "the processes in use"])
def test_what_is_said_of_a_database_that_says_nothing(
    stop: Callable[[Cluster], list[int]], cluster: Cluster, servers: list[Served]
) -> None:
    """Behind the bound 503 with Retry-After from both servers, never a key let in; no restart is needed.

    Where only the processes in use are stopped, new ones take their place, and nothing stays refused.
    """
    made = json.loads(servers[0].command("keys", "create", "owner", "--permission", "*", "--json"))
    both = [Asked(server.api, server.api(made["apiKey"])) for server in servers]
    for asked in both:
        until(lambda asked=asked: set(asked.every().values()) == WELL, "all is well")
    stopped = stop(cluster)
    try:
        if stop is _all:
            for asked in both:
                until(lambda asked=asked: asked.forward_auth() == 503, "nothing is believed any more")
                assert asked.every() == AWAY
                assert asked.every() == AWAY
                ready = asked.owner.get("/health")
                assert (ready.status_code, "retry-after" in ready.headers) == (503, True)
                assert asked.owner.get("/health/ready").status_code == 200, "it is to go on being asked"
        else:  # each connection is waited for as long as a statement may take, and then cut off
            until(lambda: both[0].forward_auth() == 200, "other processes are asked")
            said = [both[0].every()]
            while set(said[-1].values()) != WELL and len(said) < MOST:
                said.append(both[0].every())
            assert set(said[-1].values()) == WELL, said
            assert all(told in {*WELL, (503, True)} for each in said for told in each.values())
    finally:
        go_on(stopped)
    for asked in both:
        until(lambda asked=asked: asked.forward_auth() == 200, "the key is good again")
        until(lambda asked=asked: set(asked.every().values()) == WELL, "all is well again")
    assert both[0].owner.delete(f"/apikey/{both[0].key['id']}").json()["affected"] == 1
    until(lambda: both[1].revoked_by(both[0]) == 401, "what is revoked here is refused there")
    for server in servers:
        assert "Traceback" not in server.log.read_text("utf-8")
