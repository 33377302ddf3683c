"""Valkey goes away under a server that counts in it: what was chosen happens, and others go on."""

from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.valkey import ValkeyServer
from tests.support.waiting import until

ASK = {"question": "Hello"}


@pytest.fixture(scope="module")
def valkeys() -> Iterator[list[ValkeyServer]]:
    """Those that are stopped."""
    started: list[ValkeyServer] = []
    yield started
    for one in started:
        one.stop()


@pytest.fixture
def own_valkey(valkeys: list[ValkeyServer]) -> ValkeyServer:
    """One of one's own."""
    valkeys.append(ValkeyServer().start())
    return valkeys[-1]


@pytest.mark.of_one_process("each counts by itself while Valkey is away")
@pytest.mark.parametrize("chosen", ["per-process", "refuse"])
def test_every_door_does_what_was_chosen(
    serve: Callable[..., Running], own_valkey: ValkeyServer, chosen: str
) -> None:
    """Calls with limits are counted alone, or 503 that says so; others notice nothing; one line tells."""
    away = serve(valkey=own_valkey.url, valkey_timeout_ms=10_000, limits_without_valkey=chosen)
    refuses = chosen == "refuse"
    with away.owner() as owner:
        chatflow = make_chatflow(owner)
        limits = [{"limit": 5, "windowSeconds": 86_400}]
        limited = bound_key(owner, chatflow, rateLimits=limits)
        metered = bound_key(owner, chatflow, quotas=[{"calls": 8, "period": "month"}])
        free = make_key(owner)
        assert owner.get("/health").json() == {"status": "ok", "limits": "shared"}
        with capture_logs() as log:
            _calls(away, limited, chatflow["id"], 200)
            own_valkey.kill()
            until(lambda: not away.runtime.valkey.is_up, "the outage to be seen")
            assert owner.get("/health").json()["limits"] == ("refused" if refuses else "per-process")
            for key in (limited, metered):
                _calls(away, key, chatflow["id"], 503 if refuses else 200)
            assert away.api(free["apiKey"]).get("/auth/verify").status_code == 200
            told = [line for line in log if line["log_level"] in {"warning", "error"}]
            assert [line["event"] for line in told] == ["valkey is away"]
            own_valkey.start()
            until(lambda: away.runtime.valkey.is_up, "Valkey to be found again")
            _calls(away, metered, chatflow["id"], 200)
        assert [line["event"] for line in log if "valkey" in line["event"]] == [
            "valkey is away",
            "valkey is back",
        ]
        used = owner.get(f"/apikey/{metered['id']}").json()["quotas"][0]["used"]
        assert used == (3 if refuses else 6), "what was counted alone counts"


def _calls(away: Running, key: dict, chatflow_id: str, status: int) -> None:
    caller: Api = away.api(key["apiKey"])
    for answer in (
        caller.get("/auth/verify"),
        caller.post(f"/prediction/{chatflow_id}", json=ASK),
        caller.post("/apikey/verify", json={"count": True}),
    ):
        assert answer.status_code == status, answer.text
        if status == 503:
            assert answer.headers["Retry-After"] == "1"
            if answer.content:
                assert answer.json()["detail"].startswith("Limits cannot be counted now")
