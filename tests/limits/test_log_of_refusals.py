"""What the access log says of an address that sends garbage without end."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from flowkeys.logs import AccessLog

ADDRESS = "203.0.113.7"


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
