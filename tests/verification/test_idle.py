"""Connections that are kept between calls: for how long, and what is left of those that are cut."""

import asyncio
import gc
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest

from flowkeys.web.hot import connection
from flowkeys.web.hot.connection import StrictProtocol
from tests.support.server import Running
from tests.verification.conftest import Beside
from tests.verification.serving import BOTH, FORWARD, PING, VERIFY, Connect, Serve
from tests.verification.wire import get, post

RESET = struct.pack("ii", 1, 0)
"""To close with a reset instead of an end."""


def test_connections_are_kept_longer_than_by_usual_proxies(server: Running) -> None:
    """Many proxies and load balancers keep theirs for 60 seconds: whoever closes last loses no call."""
    assert server.server.config.timeout_keep_alive == 75


def test_how_long_is_a_setting(start: Any) -> None:
    """What is set reaches the connection."""
    assert start(keep_alive_seconds=7).server.config.timeout_keep_alive == 7


@BOTH
@pytest.mark.parametrize("last", [PING, FORWARD, VERIFY])
def test_an_idle_connection_is_not_taken_for_a_late_one(
    http: Any,
    last: str,
    server: Running,
    bearer: str,
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody owes anything on it: however often it is looked at, it stays as long as was set."""
    monkeypatch.setattr(connection, "LATE_SECONDS", 0.01)
    beside = serve(server.server.config.app, http=http, timeout_keep_alive=300)
    wire = connect(beside.url)
    call = post(VERIFY, b"{}", bearer) if last == VERIFY else get(last, bearer)
    for _ in range(2):
        wire.send(call)
        assert wire.answer().status == 200
        server.do(_looks(beside, 5))
    wire.send(get(PING))
    assert wire.answer().status == 200


async def _looks(beside: Beside, times: int) -> None:
    """Wait until the only connection was looked at some times more; each sets a timer anew."""
    (one,) = beside.server.server_state.connections
    for _ in range(times):
        timer = one._late_timer
        async with asyncio.timeout(10):
            while one._late_timer is timer:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)


@BOTH
def test_connections_that_were_reset_leave_nothing(
    http: Any, server: Running, bearer: str, serve: Serve, connect: Connect
) -> None:
    """Neither for the time that idle ones are kept nor at all, whatever was called last."""
    gc.collect()
    before = _connections()
    beside = serve(server.server.config.app, http=http, timeout_keep_alive=86_400)
    for calls in ([], [PING], [FORWARD], [PING, FORWARD], [FORWARD, PING]) * 20:
        wire = connect(beside.url)
        for target in calls:
            wire.send(get(target, bearer))
            assert wire.answer().status == 200
        wire.socket.setsockopt(SOL_SOCKET, SO_LINGER, RESET)
        wire.close()
    server.do(_all_gone(beside))
    gc.collect()
    assert _connections() <= before


async def _all_gone(beside: Beside) -> None:
    async with asyncio.timeout(10):
        while beside.server.server_state.connections:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


def _connections() -> int:
    return sum(issubclass(type(one), StrictProtocol) for one in gc.get_objects())
