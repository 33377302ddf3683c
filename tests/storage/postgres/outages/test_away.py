"""A whole server whose PostgreSQL is away: what each call is told, and that all goes on when it is back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.storage.postgres.outages.asked import AWAY, WELL, Asked
from tests.storage.postgres.way import way_beside
from tests.support.network.way import Way
from tests.support.server import Running
from tests.support.waiting import until

SECRET = "0123456789abcdef" * 3


def _slow(way: Way) -> None:
    way.is_slow = True


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Way.cut, id="cut"),
        pytest.param(lambda way: way.swallows.update(("there", "back")), id="silent", marks=pytest.mark.slow),
        pytest.param(lambda way: way.swallows.add("back"), id="without answers", marks=pytest.mark.slow),
        pytest.param(lambda way: way.ends.add("there"), id="closed there", marks=pytest.mark.slow),
        pytest.param(lambda way: way.ends.add("back"), id="closed back", marks=pytest.mark.slow),
        pytest.param(_slow, id="takes its time", marks=pytest.mark.slow),
    ],
)
def test_calls_are_unavailable_without_the_database_and_go_on_with_it(
    broken: Callable[[Way], Any], postgres_url: str, tmp_path: Path
) -> None:
    """Behind the bound all that needs it is 503 with Retry-After, and writes too; no restart is needed."""
    with way_beside(postgres_url) as (do, url):
        running = Running(tmp_path / "data", database=url, secret=SECRET, revocation_bound_ms=400).start()
        try:
            asked = Asked(running.api, running.owner())
            until(lambda: asked.forward_auth() == 200, "the key is good")
            feed = running.runtime.feed
            before = feed.breaks  # of a machine that is too busy to hear within the bound
            do(broken)
            until(
                lambda: asked.forward_auth() == 503 and feed.breaks > before,
                "nothing is believed any more: not for want of a look-up, but since the bound is over",
            )
            assert asked.every() == AWAY
            do(Way.mend)
            until(lambda: asked.forward_auth() == 200, "the key is good again")
            until(lambda: asked.write() == 201, "changes are stored again")
            until(lambda: set(asked.every().values()) == WELL, "all is well")
        finally:
            running.stop()
