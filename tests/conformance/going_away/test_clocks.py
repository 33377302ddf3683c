"""Several servers whose clocks differ, and one whose clock jumps: what each of them says of a key."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conformance.process import Served
from tests.support.flows import make_key
from tests.support.server import Api
from tests.support.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.of_sqlite("it is about PostgreSQL; with SQLite all processes have one machine's clock"),
]
HOUR, DAY = 3600, 86_400
OFF = {"right": 0, "ahead": HOUR, "behind": -HOUR}
"""By how many seconds the clock of each server is."""
PROGRAM = """
import os, time
real, file = time.time_ns, os.environ["CLOCK_OF_TEST"]
def shifted():
    with open(file) as off:
        return real() + int(off.read()) * 1_000_000_000
time.time_ns, time.time = shifted, lambda: shifted() / 1e9
from flowkeys.cli.main import run
run()
"""


class Shifted(Served):
    """A server with a clock of its own."""

    is_seen = True
    program = PROGRAM

    def __init__(self, folder: Path, seconds: int, **environment: str) -> None:
        clock = folder.parent / f"clock-{folder.name}"
        super().__init__(folder, CLOCK_OF_TEST=str(clock), **environment)
        self._clock = clock
        self.jump(seconds)

    def jump(self, seconds: int) -> None:
        """Set its clock: by so much it is ahead from now on."""
        new = self._clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._clock)  # never half of it


class Three:
    """The servers, and what they say."""

    def __init__(self, folder: Path, database: str) -> None:
        own = {"FLOWKEYS_SECRET": "0123456789abcdef" * 3, "FLOWKEYS_DATABASE": database}
        self.servers = {name: Shifted(folder / name, off, **own) for name, off in OFF.items()}
        for server in self.servers.values():
            server.start()
        token = str(self.made()["apiKey"])
        self.owners: dict[str, Api] = {name: server.api(token) for name, server in self.servers.items()}
        self._database = database

    def made(self) -> dict[str, Any]:
        """Make an owner's key by the command of the one that is right."""
        said = self.servers["right"].command("keys", "create", "owner", "--permission", "*", "--json")
        made: dict[str, Any] = json.loads(said)
        return made

    def told(self, token: str) -> dict[str, str]:
        """Return what each server says of a token."""
        answers = {name: server.api(token).get("/auth/verify") for name, server in self.servers.items()}
        return {
            name: "valid" if answer.status_code == 200 else str(answer.json()["code"])
            for name, answer in answers.items()
        }

    def hear(self, token: str, *codes: str) -> None:
        """Wait until the one that is right, the one ahead and the one behind say so."""
        wanted = dict(zip(OFF, codes, strict=True))
        until(lambda: self.told(token) == wanted, lambda: f"{wanted}, not {self.told(token)}")

    def rows(self, statement: str) -> list[tuple]:
        """Return what is stored."""
        with psycopg.connect(self._database) as raw:
            return raw.execute(statement).fetchall()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, postgres: Any) -> Iterator[Three]:
    """Start them over one database."""
    url = postgres.create(postgres.template())
    made = Three(tmp_path_factory.mktemp("clocks"), url)
    yield made
    for server in made.servers.values():
        server.stop()
    postgres.drop(url)


@pytest.fixture(autouse=True)
def as_they_were(three: Three) -> Iterator[None]:
    """Set every clock back behind each test."""
    yield
    for name, server in three.servers.items():
        server.jump(OFF[name])


def test_what_ends_a_key_ends_it_everywhere_whatever_the_clocks_say(three: Three) -> None:
    """Revoked, disabled, enabled through any of them, and seen by all: the feed does not go by clocks."""
    for name, owner in three.owners.items():
        key = make_key(owner)
        three.hear(key["apiKey"], "valid", "valid", "valid")
        assert owner.post(f"/apikey/{key['id']}/disable").status_code == 200
        three.hear(key["apiKey"], *["disabled_key"] * 3)
        assert owner.post(f"/apikey/{key['id']}/enable").status_code == 200
        three.hear(key["apiKey"], "valid", "valid", "valid")
        three.servers[name].jump(OFF[name] + DAY)
        assert owner.delete(f"/apikey/{key['id']}").status_code == 200
        three.hear(key["apiKey"], *["revoked_key"] * 3)
        three.servers[name].jump(OFF[name] - DAY)
        three.hear(key["apiKey"], *["revoked_key"] * 3)


def test_a_clock_that_jumps_stops_nothing(three: Three) -> None:
    """Keys are let in, and what is changed elsewhere is heard, a day ahead and a day back."""
    key = make_key(three.owners["right"])
    three.hear(key["apiKey"], "valid", "valid", "valid")
    for off in (DAY, -DAY, 0):
        three.servers["ahead"].jump(off)
        three.hear(key["apiKey"], "valid", "valid", "valid")
        path = f"/apikey/{key['id']}"
        assert three.owners["right"].post(f"{path}/disable").status_code == 200
        three.hear(key["apiKey"], *["disabled_key"] * 3)
        assert three.owners["ahead"].post(f"{path}/enable").status_code == 200
        three.hear(key["apiKey"], "valid", "valid", "valid")


def test_expiry_and_grace_go_by_the_clock_of_who_is_asked(three: Three) -> None:
    """Ahead of its time a key is refused as expired where the clock is ahead, and let in when it is right."""
    owner = three.owners["right"]
    ends = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
    key = owner.post("/apikey", json={"keyName": "k", "expiresAt": ends}).json()
    three.hear(key["apiKey"], "valid", "expired_key", "valid")
    other = make_key(owner)
    answer = owner.post(f"/apikey/{other['id']}/rotate", json={"graceSeconds": 1800})
    assert answer.status_code == 201, answer.text
    three.hear(other["apiKey"], "valid", "expired_key", "valid")
    three.hear(answer.json()["apiKey"], "valid", "valid", "valid")
    three.servers["ahead"].jump(0)
    for token in (key["apiKey"], other["apiKey"]):
        three.hear(token, "valid", "valid", "valid")


def test_processes_know_of_each_other_whatever_their_clocks_say(three: Three) -> None:
    """None takes another for gone, so none stores a limit that each would count by itself."""
    limit = {"keyName": "k", "rateLimits": [{"limit": 1, "windowSeconds": 60}]}

    def beats() -> dict[str, int]:
        return dict(three.rows("SELECT id, beat_at FROM server"))

    for off in (OFF["ahead"], DAY):
        three.servers["ahead"].jump(off)
        for _ in range(2):
            before = beats()
            assert len(before) == 3
            until(
                lambda before=before: all(beats().get(one, at) > at for one, at in before.items()),
                "each says that it is there",
            )
            assert beats().keys() == before.keys(), "nobody was taken for gone"
            for name, owner in three.owners.items():
                refused = owner.post("/apikey", json=limit)
                assert refused.status_code == 422, name
                assert "3 processes" in refused.json()["errors"][0]["message"]
