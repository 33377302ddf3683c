"""What the access log says of an address that sends garbage without end."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flowkeys.telemetry import logs
from flowkeys.telemetry.logs import AccessLog
from tests.conformance import raw
from tests.support.server import Running
from tests.support.waiting import soon

ADDRESS = "203.0.113.7"
REFUSED = {"address": ADDRESS, "code": "rate_limited"}


async def _written(
    capsys: pytest.CaptureFixture[str], requests: Iterable[tuple[float, str, str]]
) -> list[dict[str, Any]]:
    """Log requests of (seconds, address, code), and return the lines without their time."""
    now = 0.0
    log = AccessLog(as_text=False, clock=lambda: now)
    for seconds, address, code in requests:
        now = seconds
        log({"address": address, "code": code})
        await asyncio.sleep(0)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [{name: line.get(name) for name in ("address", "code", "refusals")} for line in lines]


async def test_refusals_over_the_limit_are_one_line_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    """A line says how many there were since the one before: none is lost from the count."""
    flood = [(second + part / 100, ADDRESS, "rate_limited") for second in range(3) for part in range(100)]
    lines = await _written(capsys, flood)
    assert [line["refusals"] for line in lines] == [1, 100, 100]


async def test_each_network_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Who moves through the addresses of one IPv6 network writes no more lines by it."""
    flood = [(0.5, f"2001:db8::{number}", "rate_limited") for number in range(50)]
    lines = await _written(
        capsys, [*flood, (0.6, ADDRESS, "rate_limited"), (1.5, "2001:db8::1", "rate_limited")]
    )
    assert [(line["address"], line["refusals"]) for line in lines] == [
        ("2001:db8::0", 1),
        (ADDRESS, 1),
        ("2001:db8::1", 50),
    ]


async def test_every_other_answer_has_its_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Refusals within the limit as well."""
    lines = await _written(capsys, [(0.5, ADDRESS, "unknown_key")] * 20)
    assert lines == [{"address": ADDRESS, "code": "unknown_key", "refusals": None}] * 20


class _Told:
    """What a log wrote, with a clock that is set by hand."""

    def __init__(self, capsys: pytest.CaptureFixture[str], now: float) -> None:
        self.now = now
        self.log = AccessLog(as_text=False, clock=lambda: self.now)
        self._capsys = capsys
        self._lines: list[dict[str, Any]] = []

    def lines(self) -> list[dict[str, Any]]:
        """All lines until now."""
        self._lines += [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]
        return self._lines

    async def has(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many lines."""
        await soon(lambda: len(self.lines()) >= count, f"{count} lines")
        return self.lines()


async def test_what_a_flood_leaves_is_told_when_its_second_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing need come afterwards: a flood that lasted less than a second is not one refusal."""
    told = _Told(capsys, now=7.99)
    for number in range(3000):
        told.log({**REFUSED, "request_id": number})
    told.log({**REFUSED, "address": "192.0.2.1"})
    told.log({**REFUSED, "address": "198.51.100.1"})
    told.log({**REFUSED, "address": "198.51.100.1"})
    assert [line["refusals"] for line in await told.has(3)] == [1, 1, 1]
    told.now = 8.0
    found = [(line["address"], line.get("request_id"), line["refusals"]) for line in await told.has(5)]
    assert found[3:] == [(ADDRESS, 2999, 2999), ("198.51.100.1", None, 1)]


async def test_nothing_waits_while_everything_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither before the second refusal of a second nor behind the line that tells of it."""
    told = _Told(capsys, now=7.99)
    told.log({**REFUSED})
    assert told.log._timer is None
    told.log({**REFUSED})
    assert told.log._timer is not None
    told.now = 8.0
    await told.has(2)
    assert told.log._timer is None


async def test_a_flood_goes_on_as_one_line_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the timer is that of its second: what comes in it is told when it is over too."""
    told = _Told(capsys, now=7.99)
    for count in (1, 2, 3):
        for _ in range(10):
            told.log({**REFUSED})
        assert len(await told.has(count)) == count
        told.now += 1.0
        await told.has(count + 1)
    assert [line["refusals"] for line in told.lines()] == [1, 9, 10, 10]


async def test_networks_that_are_forgotten_are_told_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many are counted at a time; what came of the others is in the log."""
    monkeypatch.setattr(logs, "_NETWORKS", 2)
    told = _Told(capsys, now=7.0)
    addresses = ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3")
    for address in addresses:
        told.log({**REFUSED, "address": address})
    found = [(line["address"], line["refusals"]) for line in await told.has(4)]
    assert sorted(found) == [("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.2", 1), ("192.0.2.3", 1)]


def test_a_server_that_stops_tells_what_is_left(
    start: Callable[..., Running], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every guess is in the log when it has ended, by its own line or in a count."""
    server = start(access_log=True, log_format="json", failures_per_second=1, failures_burst=5)
    guesses = 30
    for _ in range(guesses):
        raw.send(server.url, "GET", "/api/v1/auth/verify", [(b"Authorization", b"Bearer nonsense")])
    server.stop()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    lines = [line for line in lines if line["event"] == "request"]
    assert sum(line.get("refusals", 1) for line in lines) == guesses
    assert len(lines) < guesses
