"""A backup is restored while a verifier over HTTP does not hear the feed: positions begin anew."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys.verify import Unavailable, Verifier
from tests.library.conftest import code, eventually
from tests.library.proxy import Proxy
from tests.support.flows import make_key
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS


def copy(source: Path, target: Path) -> None:
    """Copy a database as ``.backup`` and ``.restore`` do, into one that a server may have open."""
    with (
        closing(sqlite3.connect(source)) as old,
        closing(sqlite3.connect(target, timeout=PATIENCE_SECONDS)) as new,
    ):
        old.backup(new)


def newest(api: Api) -> int:
    """Return the position of the newest change."""
    last = api.get("/changes", params={"follow": "false"}).text.splitlines()
    return int(next(line for line in last if line.startswith("id: "))[4:])


@pytest.mark.of_sqlite("a copy of the file is put back")
@pytest.mark.parametrize("more", [0, 3], ids=["up to it", "beyond it"])
def test_what_was_kept_before_a_restore_does_not_count_after_it(
    more: int, start: Callable[..., Running], tmp_path: Path
) -> None:
    """Whether the new history reaches the position that was heard last or goes beyond it.

    No change tells that the key is disabled again, since in the history that counts now it always was.
    """
    running = start()
    api = running.owner()
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api)
    api.post(f"/apikey/{made['id']}/disable")
    database, backup = running.data_dir / "flowkeys.db", tmp_path / "backup.db"
    copy(database, backup)
    api.post(f"/apikey/{made['id']}/enable")
    proxy = Proxy(running.url)
    with Verifier.remote(proxy.url, own["apiKey"]) as verifier:
        source = verifier._source

        def is_kept() -> bool:
            return bool(verifier.verify(token=made["apiKey"])) and bool(source._cache._records)

        def is_heard() -> bool:
            with source._lock:
                return source._cache.is_trusted(time.monotonic())

        eventually(is_kept, True)
        heard = newest(api)
        real = source._server.follow
        source._server.follow = lambda *_: (_ for _ in ()).throw(Unavailable("no feed"))
        proxy.cut()
        eventually(is_heard, False)
        copy(backup, database)
        eventually(lambda: api.get(f"/apikey/{made['id']}").json()["status"], "disabled")
        eventually(lambda: newest(api) < heard, True)
        while newest(api) < heard + more:
            make_key(api)
        source._server.follow = real
        eventually(is_heard, True)
        assert code(verifier.verify(token=made["apiKey"])) == "disabled_key"
    proxy.stop()
