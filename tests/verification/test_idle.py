"""Connections that are kept between calls: for how long, and what is left of those that are cut."""

import gc
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest

from flowkeys.web.hot.connection import StrictProtocol
from tests.support.server import Running
from tests.support.waiting import soon
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
) -> None:
    """Nobody owes anything on it: however often it is looked at, it stays as long as was set."""
    beside = serve(server.server.config.app, http=http, timeout_keep_alive=300)
    wire = connect(beside.url)
    call = post(VERIFY, b"{}", bearer) if last == VERIFY else get(last, bearer)
    for _ in range(2):
        wire.send(call)
        assert wire.answer().status == 200
        for _ in range(5):
            beside.look()
    wire.send(get(PING))
    assert wire.answer().status == 200


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
    await soon(lambda: not beside.server.server_state.connections, "the connections to be let go of")


def _connections() -> int:
    return sum(issubclass(type(one), StrictProtocol) for one in gc.get_objects())
