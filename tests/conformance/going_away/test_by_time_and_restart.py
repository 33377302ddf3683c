"""Going away: when the time says so, and never because a process ended."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkeys.domain.times import SECOND, from_iso, parse_duration
from tests.conformance import ways
from tests.conformance.process import Served
from tests.conformance.tenants import Tenant
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.waiting import until

DAY = 86_400
DURATIONS = {"1s": 1, "90s": 90, "30m": 1800, "12h": 43_200, "1d": DAY, "29d": 29 * DAY, "365d": 365 * DAY}
DURATIONS |= {"2w": 14 * DAY, "366d": 366 * DAY, "52w": 364 * DAY}


@pytest.mark.parametrize("text", DURATIONS)
def test_durations_are_exact(text: str, here: Tenant) -> None:
    """LiteLLM#15142: "+1 month" from January 31. A day is 86,400 seconds, on leap days and at month ends."""
    assert parse_duration(text) == DURATIONS[text] * SECOND
    before = time.time()
    key = make_key(here.owner, "lasting", expiresIn=text)
    after = time.time()
    expires = (from_iso(key["expiresAt"]) or 0) / SECOND
    assert before - 0.001 <= expires - DURATIONS[text] <= after
    assert key["expiresAt"].endswith("Z")


@pytest.mark.parametrize(
    "text", ["1mo", "1M", "1y", "month", "P1M", "1", "-1d", "0d", "1.5d", "1d2h", "", "d"]
)
def test_there_are_no_durations_whose_length_depends_on_the_date(text: str, here: Tenant) -> None:
    """LiteLLM#15142: months and years are refused, and so is what could be read in two ways."""
    answer = here.owner.post("/apikey", json={"keyName": "x", "expiresIn": text})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["expiresIn"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_keeps_every_key_that_was_acknowledged(end: str, serve: Callable[..., Served]) -> None:
    """Flowise#4198, #4210: keys vanished or changed at restart. Here neither a stop nor a crash loses one.

    The process ends while keys are being made, changed and used.
    """
    served = serve().start()
    owner = served.owner()
    chatflow = make_chatflow(owner)
    made: list[tuple[dict, str]] = []

    def make(number: int) -> None:
        api = served.api(owner.token)
        for index in range(200):
            try:
                key = bound_key(api, chatflow, f"key {number}.{index}")
                made.append((key, "active"))
                if index % 3 == 1:
                    api.post(f"/apikey/{key['id']}/disable").raise_for_status()
                    made[made.index((key, "active"))] = (key, "disabled")
            except Exception:  # noqa: BLE001  # the server is gone, however the client puts it
                return

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(make, number) for number in range(4)]
        until(lambda: len(made) >= 20, "some keys")
        getattr(served, end)()
        for each in running:
            each.result()
    served.start()
    token = owner.token or ""
    body = {"tokens": [], "chatflowId": chatflow["id"]}
    assert len(made) >= 20
    again = served.api(token)
    for start in range(0, len(made), 100):
        part = made[start : start + 100]
        body["tokens"] = [key["apiKey"] for key, _ in part]
        results = again.post(
            "/apikey/verify", content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        for (key, status), found in zip(part, results.json()["results"], strict=True):
            assert found["id"] == key["id"]
            assert found["code"] in {"valid", "disabled_key"} if status == "active" else {"disabled_key"}


def test_what_another_process_revokes_is_refused_at_once(serve: Callable[..., Served]) -> None:
    """Unkey, LiteLLM: revocation elsewhere took seconds to minutes. Here it takes none."""
    served = serve().start()
    owner = served.owner()
    chatflow = make_chatflow(owner)
    for command, code in (("disable", "disabled_key"), ("revoke", "revoked_key")):
        key = bound_key(owner, chatflow)
        caller = served.api(key["apiKey"])
        assert caller.post(f"/prediction/{chatflow['id']}", json=ways.QUESTION).status_code == 200
        served.command("keys", command, key["id"], *(["--yes"] if command == "revoke" else []))
        answer = caller.post(f"/prediction/{chatflow['id']}", json=ways.QUESTION)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
