"""Going away in another process, on PostgreSQL: two servers that share a database and nothing else."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.conformance.process import Served
from tests.conformance.ways import QUESTION
from tests.support.flows import bound_key, make_chatflow
from tests.support.postgres import Postgres
from tests.support.waiting import until

SECRET = "0123456789abcdef" * 3
BOUND_MS = 2000
LIMIT = [{"limit": 1, "windowSeconds": 86_400, "burst": 1, "name": "day"}]


class Pair:
    """Two servers: one that is called, and one that changes things."""

    def __init__(self, serve: Callable[..., Served], url: str) -> None:
        self.url = url
        own = {"FLOWKEYS_DATABASE": url, "FLOWKEYS_SECRET": SECRET, "FLOWKEYS_LIMITS": "per-process"}
        # Of a feed that is silent for longer all is forgotten, and then positions of before mean nothing.
        own |= {"FLOWKEYS_REVOCATION_BOUND_MS": str(BOUND_MS)}
        self.called, self.changed = (serve(name, **own).start() for name in ("called", "changed"))
        made = self.changed.command("keys", "create", "owner", "--permission", "*", "--json")
        token = json.loads(made)["apiKey"]
        self.owner, self.own_called = self.changed.api(token), self.called.api(token)

    def sql(self, statement: str, **values: Any) -> None:
        """Change the database by hand, as in psql."""
        with psycopg.connect(self.url, autocommit=True) as raw:
            raw.execute(statement, values)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Pair]:
    """Return both, over a database of this file's own."""
    url = postgres.create(postgres.template())
    made: list[Served] = []

    def serve(name: str, **environment: str) -> Served:
        made.append(Served(tmp_path_factory.mktemp(name), **environment))
        return made[-1]

    yield Pair(serve, url)
    for process in made:
        process.stop()
    postgres.drop(url)


@pytest.fixture
def key(pair: Pair) -> dict:
    """Return a key on a chatflow, which the server that is called has in memory."""
    chatflow = make_chatflow(pair.owner)
    made = bound_key(pair.owner, chatflow)
    made["chatflow"] = chatflow["id"]
    assert code(pair.called, made) == "ran"
    assert code(pair.changed, made) == "ran"
    return made


def code(server: Served, key: dict) -> str:
    """Return what a server says to a key: a call that runs, or the code of the refusal."""
    answer = server.api(key["apiKey"]).post(f"/prediction/{key['chatflow']}", json=QUESTION)
    return "ran" if answer.status_code == 200 else answer.json()["code"]


Change = Callable[[Pair, dict], Any]

CHANGES: list[tuple[str, Change, str]] = [
    ("revoked", lambda p, k: p.owner.delete(f"/apikey/{k['id']}"), "revoked_key"),
    ("disabled", lambda p, k: p.owner.post(f"/apikey/{k['id']}/disable"), "disabled_key"),
    ("a command", lambda p, k: p.changed.command("keys", "disable", k["id"]), "disabled_key"),
    (
        "unbound",
        lambda p, k: p.owner.put(f"/apikey/{k['id']}/chatflows", json={"chatflowIds": []}),
        "chatflow_not_allowed",
    ),
    (
        "networks",
        lambda p, k: p.owner.put(f"/apikey/{k['id']}", json={"allowedIps": ["192.0.2.1"]}),
        "ip_not_allowed",
    ),
    (
        "its chatflow deleted",
        lambda p, k: p.owner.delete(f"/chatflows/{k['chatflow']}"),
        "chatflow_not_allowed",
    ),
    (
        "psql: status",
        lambda p, k: p.sql("UPDATE api_key SET status = 'revoked' WHERE id = %(id)s", id=k["id"]),
        "revoked_key",
    ),
    (
        "psql: expiry",
        lambda p, k: p.sql("UPDATE api_key SET expires_at = 1 WHERE id = %(id)s", id=k["id"]),
        "expired_key",
    ),
    (
        "psql: token",
        lambda p, k: p.sql("DELETE FROM token WHERE key_id = %(id)s", id=k["id"]),
        "unknown_key",
    ),
    (
        "psql: binding",
        lambda p, k: p.sql("DELETE FROM binding WHERE key_id = %(id)s", id=k["id"]),
        "chatflow_not_allowed",
    ),
]


@pytest.mark.parametrize(("change", "refusal"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_change_holds_at_once_where_it_was_made_and_soon_elsewhere(
    pair: Pair, key: dict, change: Change, refusal: str
) -> None:
    """Given a key that both have in memory; and once it is refused it is never let in again."""
    change(pair, key)
    if change.__code__.co_names[0] == "owner":
        assert code(pair.changed, key) == refusal, "who made it never accepts the old state"
    for server in (pair.called, pair.changed):
        until(lambda server=server: code(server, key) == refusal, "the change is told of")
    assert {code(server, key) for server in (pair.called, pair.changed) for _ in range(5)} == {refusal}


def test_permissions_limits_and_the_end_of_a_rotation_hold_elsewhere(pair: Pair, key: dict) -> None:
    """What a key may, how often, and which of its tokens is good."""
    path = f"/apikey/{key['id']}"
    mine = pair.called.api(key["apiKey"])
    pair.owner.put(path, json={"permissions": ["apikeys:view"]})
    until(lambda: mine.get("/apikey/" + key["id"]).status_code == 200, "the permission is there")
    pair.owner.put(path, json={"permissions": []})
    until(lambda: mine.get("/apikey/" + key["id"]).status_code == 403, "the permission is gone")

    pair.owner.put(path, json={"rateLimits": LIMIT})
    until(lambda: code(pair.called, key) == "rate_limited", "the limit is there")
    pair.owner.put(path, json={"rateLimits": None})
    until(lambda: code(pair.called, key) == "ran", "the limit is gone")

    rotated = pair.owner.post(f"{path}/rotate", json={"graceSeconds": 3600}).json()
    new = {**key, "apiKey": rotated["apiKey"]}
    assert [code(pair.called, key), code(pair.called, new)] == ["ran", "ran"]
    pair.owner.put(f"{path}/rotation", json={"graceSeconds": 0})
    until(lambda: code(pair.called, key) != "ran", "the old token's end is told of")
    assert code(pair.called, new) == "ran"


def test_a_key_is_good_everywhere_as_soon_as_it_is_made(pair: Pair) -> None:
    """Whoever made it calls another server at once: that a token is nobody's is never taken from memory."""
    chatflow = make_chatflow(pair.owner)
    for _ in range(20):
        made = bound_key(pair.owner, chatflow)
        made["chatflow"] = chatflow["id"]
        assert code(pair.called, made) == "ran"


def test_who_follows_goes_on_at_another_server(pair: Pair, key: dict) -> None:
    """Positions and the epoch are the database's: what was told by one is not told again by the other."""
    pair.owner.post(f"/apikey/{key['id']}/disable")
    until(lambda: code(pair.called, key) == "disabled_key", "it is told of")

    def told(api: Any, **params: Any) -> list[tuple[str, dict]]:
        text = api.get("/changes", params={"follow": "false", **params}).text
        lines = [line.partition(": ")[2] for line in text.splitlines() if line]
        return [(name, json.loads(data)) for name, _, data in zip(*[iter(lines)] * 3, strict=True)]

    ((_, begin),) = told(pair.owner)
    assert begin["boundMs"] == BOUND_MS
    pair.owner.post(f"/apikey/{key['id']}/enable")
    until(lambda: code(pair.called, key) == "ran", "it is told of")
    at = {"after": begin["position"], "epoch": begin["epoch"]}
    for api in (pair.owner, pair.own_called):
        *changes, (name, end) = told(api, **at)
        assert ("change", key["id"]) in [(name, data.get("subjectId")) for name, data in changes]
        assert (name, end["epoch"]) == ("position", begin["epoch"])
    assert [name for name, _ in told(pair.own_called, after=1, epoch=begin["epoch"])] == ["forget"]
    assert [name for name, _ in told(pair.own_called, after=end["position"], epoch="x")] == ["forget"]
