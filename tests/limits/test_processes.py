"""Several processes on one database: limits are stored where it was chosen how they are counted."""

from collections.abc import Iterator

import msgspec
import pytest

from flowkeys import bootstrap
from flowkeys.domain.limits.names import nobody_has, unknown
from flowkeys.domain.limits.process import DEAD_SECONDS, Process, objection, several
from flowkeys.domain.times import SECOND
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running

NOW = 1_000_000 * SECOND
ONE = Process(id="1", host="a", pid=1, identity="", siblings=1, counting=None, started_at=NOW, beat_at=NOW)


def test_who_counts_beside_whom() -> None:
    """Processes that were heard of lately, and those that their servers are about to start."""
    other = msgspec.structs.replace(ONE, id="2", pid=2)
    dead = msgspec.structs.replace(other, beat_at=NOW - DEAD_SECONDS * SECOND)
    four = msgspec.structs.replace(ONE, siblings=4)
    ahead = msgspec.structs.replace(other, beat_at=NOW + DEAD_SECONDS * SECOND)
    elsewhere = msgspec.structs.replace(other, host="b")
    assert [
        several(some, NOW)
        for some in ([], [ONE], [ONE, other], [ONE, dead], [ONE, ahead], [four], [four, elsewhere])
    ] == [*(0, 1, 2, 1, 1, 4, 5)]
    chosen = msgspec.structs.replace(other, counting="per-process")
    assert objection([ONE], NOW) is None
    assert "up to 2 times" in str(objection([ONE, other], NOW))
    assert "a, b" in str(objection([ONE, elsewhere], NOW))
    assert objection([ONE, chosen], NOW) is not None, "one of them has not chosen"
    assert objection([msgspec.structs.replace(ONE, counting="shared"), chosen], NOW) is None


@pytest.fixture
def two(server: Running) -> Iterator[Running]:
    """The server, and the row of another one and its own, neither of which has chosen."""
    _fill(server, None)
    yield server
    _empty(server)


def _fill(server: Running, counting: str | None) -> None:
    now = bootstrap.clock()
    with server.shell() as raw:
        raw.execute("DELETE FROM server")
        for number in (1, 2):
            row = (f"{number}", f"host-{number}", number, "", 1, counting, now, now)
            raw.execute("INSERT INTO server VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _empty(server: Running) -> None:
    with server.shell() as raw:
        raw.execute("DELETE FROM server")


def test_nothing_is_limited_that_nobody_counts(two: Running, owner: Api) -> None:
    """A limit is refused wherever it is asked for, and the refusal says what can be set; all else goes on."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)["id"]
    customer = owner.post("/customers", json={"name": "Acme"}).json()["id"]
    rates, quotas = [{"limit": 1, "windowSeconds": 1}], [{"calls": 5, "period": "month"}]
    asked = [
        ("POST", "/apikey", {"keyName": "k", "rateLimits": rates}, "rateLimits"),
        ("POST", "/apikey", {"keyName": "k", "quotas": quotas}, "quotas"),
        ("PUT", f"/apikey/{key}", {"rateLimits": rates}, "rateLimits"),
        ("PUT", f"/apikey/{key}", {"quotas": quotas}, "quotas"),
        ("PUT", f"/apikey/{key}/chatflows", [{"id": chatflow["id"], "rateLimits": rates}], "rateLimits"),
        ("POST", "/customers", {"name": "B", "rateLimits": rates}, "rateLimits"),
        ("PUT", f"/customers/{customer}", {"quotas": quotas}, "quotas"),
        ("PUT", f"/chatflows/{chatflow['id']}", {"rateLimits": rates}, "rateLimits"),
        ("PUT", f"/chatflows/{chatflow['id']}", {"apiConfig": _FLOWISE}, "apiConfig"),
    ]
    for method, path, body, field in asked:
        answer = owner.request(method, path, json=body)
        assert answer.status_code == 422, (method, path, answer.text)
        ((said, why),) = [(error["field"], error["message"]) for error in answer.json()["errors"]]
        assert said == field
        assert "FLOWKEYS_LIMITS=per-process" in why
        assert "2 processes" in why
    assert owner.put(f"/apikey/{key}", json={"keyName": "still", "rateLimits": []}).status_code == 200
    _fill(two, "per-process")
    for method, path, body, _field in asked:
        assert owner.request(method, path, json=body).status_code in {200, 201}, (method, path)
    _fill(two, None)
    whole = owner.get(f"/apikey/{key}").json()
    assert owner.put(f"/apikey/{key}", json=whole).status_code == 200, "what stands may be put back"
    assert owner.put(f"/apikey/{key}", json={"rateLimits": None, "quotas": []}).status_code == 200


_FLOWISE = '{"rateLimit": {"status": true, "limitMax": 5, "limitDuration": 60, "limitMsg": "later"}}'


def test_names_in_a_setting_are_held_against_those_that_are_stored(server: Running, owner: Api) -> None:
    """Limits of keys and of chatflows; one whose name was mistyped is told, and so are those there are."""
    make_key(
        owner,
        rateLimits=[{"limit": 9, "windowSeconds": 1, "name": "strict"}, {"limit": 9, "windowSeconds": 60}],
    )
    make_chatflow(owner, rateLimits=[{"limit": 9, "windowSeconds": 1, "name": "of-a-flow"}])
    stored = server.do(server.runtime.store.read(lambda tx: tx.processes.limit_names()))
    assert {"strict", "minute", "of-a-flow"} <= stored
    assert unknown(["strict", "of-a-flow", "calls-month", "stritc"], stored) == ["stritc"]
    assert "strict" in nobody_has(["stritc"], stored)
