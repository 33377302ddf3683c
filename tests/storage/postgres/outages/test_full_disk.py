"""PostgreSQL's disk is full, a small file system without any more room: what is told then, and later."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.conformance.process import Served
from tests.storage.postgres.outages.asked import WELL, Asked
from tests.storage.postgres.outages.replicated import Alone, Cluster
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system"),
]
BYTES = 256 << 20
QUESTION = {"question": "".join(map(str, range(20_000)))}
"""A hundred kilobytes: its rows need room that no table has left."""
MOST = 200


@pytest.fixture
def cluster(postgres: object) -> Iterator[Cluster]:
    """A PostgreSQL on a file system of its own."""
    del postgres  # it makes the user under which another one runs
    alone = Alone(BYTES)
    yield alone.cluster
    alone.stop()


def fill(cluster: Cluster) -> Path:
    """Leave no room on its disk; return the file that takes it."""
    ballast = cluster.folder.parent / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    return ballast


def is_running(cluster: Cluster) -> bool:
    """Tell whether it lets anybody in."""
    with suppress(psycopg.Error):
        return cluster.execute("SELECT 1") == [(1,)]
    return False


def test_a_full_disk_of_postgres_is_an_outage(cluster: Cluster, tmp_path: Path) -> None:
    """Nothing is acknowledged that is not stored, and nobody is refused who is good; room heals it.

    Where not even its journal has room PostgreSQL ends, and is started again by whoever runs it: then it is
    away, as any other that is.
    """
    own = {"FLOWKEYS_DATABASE": cluster.url(), "FLOWKEYS_SECRET": "0123456789abcdef" * 3}
    server = Served(tmp_path / "one", **own).start()
    made = json.loads(server.command("keys", "create", "owner", "--permission", "*", "--json"))
    asked = Asked(server.api, server.api(made["apiKey"]))
    until(lambda: set(asked.every().values()) == WELL, "all is well")
    ballast = fill(cluster)
    stored, told = 0, []
    for _ in range(MOST):
        answer = asked.known.post(f"/prediction/{asked.chatflow['id']}", json=QUESTION)
        if answer.status_code == 200:
            stored += 1
            continue
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
        assert int(answer.headers["retry-after"]) > 0
        told.append(asked.every())
        if len(told) == 3:
            break
    assert told, "it was never full"
    for each in told:
        assert each["wrong"] == (401, False)
        others = {each[name] for name in each if name != "wrong"}
        assert others <= {(200, False), (201, False), (503, True)}, "nobody is refused who is good"
    ballast.unlink()
    if not is_running(cluster):
        with suppress(AssertionError):
            cluster.kill()
        cluster.start()
    until(lambda: set(asked.every().values()) == WELL, "all is well again")
    ((messages,),) = cluster.execute(f"SELECT count(*) FROM message WHERE length(content) > {10_000}")
    assert messages >= stored, "what was answered is stored"
    server.stop()
    assert "Traceback" not in server.log.read_text("utf-8")
