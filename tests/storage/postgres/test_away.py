"""A whole server whose PostgreSQL is away: what each call is told, and that all goes on when it is back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.ways import QUESTION
from tests.storage.postgres.way import way_beside
from tests.support.flows import bound_key, make_chatflow
from tests.support.network.way import Way
from tests.support.server import Api, Running
from tests.support.waiting import until

SECRET = "0123456789abcdef" * 3


class Asked:
    """A server over a way to the database, and one call of each kind."""

    def __init__(self, running: Running) -> None:
        self.owner = running.owner()
        self.chatflow = make_chatflow(self.owner)
        self.key = bound_key(self.owner, self.chatflow)
        self.known: Api = running.api(self.key["apiKey"])
        self.unknown: Api = running.api(bound_key(self.owner, self.chatflow)["apiKey"])
        self.wrong: Api = running.api("fl-" + "x" * 32)

    def forward_auth(self) -> int:
        """Return what a proxy is told of a key that is in memory."""
        return int(self.known.get("/auth/verify").status_code)

    def every(self) -> dict[str, tuple[int, bool]]:
        """Return the status of each, and whether it says when to come again."""
        calls: dict[str, Callable[[], Any]] = {
            "forward-auth": lambda: self.known.get("/auth/verify"),
            "verify": lambda: self.known.post("/apikey/verify", json={}),
            "prediction": lambda: self.known.post(f"/prediction/{self.chatflow['id']}", json=QUESTION),
            "another key": lambda: self.unknown.get("/auth/verify"),
            "list": lambda: self.owner.get("/chatflows"),
            "write": lambda: self.owner.post("/apikey", json={"keyName": "x"}),
            "wrong": lambda: self.wrong.get("/auth/verify"),
        }
        answers = {name: call() for name, call in calls.items()}
        return {name: (a.status_code, "retry-after" in a.headers) for name, a in answers.items()}

    def write(self) -> int:
        """Return what a change is answered."""
        return int(self.owner.post("/apikey", json={"keyName": "x"}).status_code)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Way.cut, id="cut"),
        pytest.param(lambda way: way.swallows.update(("there", "back")), id="silent", marks=pytest.mark.slow),
    ],
)
def test_calls_are_unavailable_without_the_database_and_go_on_with_it(
    broken: Callable[[Way], Any], postgres_url: str, tmp_path: Path
) -> None:
    """Behind the bound all that needs it is 503 with Retry-After, and writes too; no restart is needed."""
    with way_beside(postgres_url) as (do, url):
        running = Running(tmp_path / "data", database=url, secret=SECRET, revocation_bound_ms=400).start()
        try:
            asked = Asked(running)
            until(lambda: asked.forward_auth() == 200, "the key is good")
            feed = running.runtime.feed
            before = feed.breaks  # of a machine that is too busy to hear within the bound
            do(broken)
            until(
                lambda: asked.forward_auth() == 503 and feed.breaks > before,
                "nothing is believed any more: not for want of a look-up, but since the bound is over",
            )
            away = (503, True)
            assert asked.every() == {
                **dict.fromkeys(
                    ("forward-auth", "verify", "prediction", "another key", "list", "write"), away
                ),
                "wrong": (401, False),
            }
            do(Way.mend)
            until(lambda: asked.forward_auth() == 200, "the key is good again")
            until(lambda: asked.write() == 201, "changes are stored again")
            until(
                lambda: set(asked.every().values()) == {(200, False), (201, False), (401, False)},
                "all is well",
            )
        finally:
            running.stop()
