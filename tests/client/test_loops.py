"""One client in several event loops, threads and processes."""

import asyncio
import gc
import subprocess
import sys
import threading
import warnings

import httpx
import pytest

import flowkeys
from flowkeys.client.http import transport
from tests.client.conftest import TOKEN
from tests.client.scripted import Reply, Request, Scripted
from tests.support.waiting import PATIENCE_SECONDS

KEY = {"id": "k1", "keyName": "x"}
START = b'message:\ndata:{"event":"start","data":""}\n\n'


def _answer(request: Request) -> Reply:
    if request.method == "POST":
        return Reply(chunks=[START], headers={"content-type": "text/event-stream"}, then="wait")
    return Reply(json="pong")


@pytest.fixture
def answering(server: Scripted) -> Scripted:
    """A server that answers pings, and streams that do not end."""
    server.otherwise = _answer
    return server


def test_a_client_works_in_loop_after_loop(answering: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own connection, kept while it lasts; what it leaves open is closed without a warning."""
    monkeypatch.setattr(transport, "LIMITS", httpx.Limits(keepalive_expiry=600))  # however slow it is
    client = flowkeys.AsyncClient(answering.url, TOKEN, max_retries=0)

    async def use() -> None:
        await client.ping()
        await client.ping()
        stream = client.stream("f1", "Hello?")
        assert isinstance(await anext(stream), flowkeys.Start)  # and nobody reads on

    for _ in range(4):
        asyncio.run(use())
        gc.collect()  # warnings of what was left open are errors here
    peers = [request.peer for request in answering.requests]
    assert len(peers) == 12
    assert peers[0] == peers[1]
    assert len({peers[at] for at in range(0, 12, 3)}) == 4
    asyncio.run(client.aclose())
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(client.ping())


def test_a_call_that_is_no_use_twice_is_made_once(answering: Scripted) -> None:
    """In a second loop too, and without an attempt over a connection of the first."""
    client = flowkeys.AsyncClient(answering.url, TOKEN)
    answering.answers({"code": "validation_failed"}, status=422)
    answering.answers({"code": "validation_failed"}, status=422)
    for _ in range(2):
        with pytest.raises(flowkeys.InvalidRequestError):
            asyncio.run(client.keys.create("x"))
    assert len(answering.requests) == 2


def test_loops_in_threads_do_not_share_connections(answering: Scripted) -> None:
    """Given a client that threads use at once, each in its loop, and one closes it: nobody hangs."""
    client = flowkeys.AsyncClient(answering.url, TOKEN, max_retries=0)
    both, closed = threading.Barrier(2, timeout=60), threading.Event()
    failures: list[BaseException] = []

    async def use(closes: bool) -> None:
        await client.ping()
        await asyncio.to_thread(both.wait)
        await client.ping()
        await asyncio.to_thread(both.wait)
        if closes:
            await client.aclose()
            closed.set()
        await asyncio.to_thread(closed.wait, 60)

    def run(closes: bool) -> None:
        try:
            asyncio.run(use(closes))
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(closes,)) for closes in (False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len({request.peer for request in answering.requests}) == 2


def test_a_given_http_client_in_a_second_loop_says_so(answering: Scripted) -> None:
    """It is the caller's: calls that may be repeated are, others fail with an error of our own."""
    http = httpx.AsyncClient(timeout=PATIENCE_SECONDS)
    client = flowkeys.AsyncClient(answering.url, TOKEN, http_client=http, max_retries=0)

    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        first.run_until_complete(client.ping())
        with pytest.raises(flowkeys.ConnectionFailed, match="one event loop"):
            second.run_until_complete(client.ping())
        first.run_until_complete(asyncio.sleep(0))
        first.run_until_complete(http.aclose())
    finally:
        first.close()
        second.close()


FORKING = """
import os, sys, flowkeys, httpx
from flowkeys.client.http import transport
transport.LIMITS = httpx.Limits(keepalive_expiry=600)  # however slow this machine is
client = flowkeys.Client(sys.argv[1], sys.argv[2], max_retries=0)
client.ping()
child = os.fork()
client.ping()
client.ping()
if child == 0:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_its_own_connections(answering: Scripted) -> None:
    """Answers of two processes over one connection would be taken for each other's."""
    # A call of an earlier test that nobody waited for may still be on its way to this server.
    command = [sys.executable, "-W", "error", "-c", FORKING, f"{answering.url}/forked", TOKEN]
    subprocess.run(command, check=True, timeout=60)
    peers = [request.peer for request in answering.requests if request.path.startswith("/forked/")]
    assert len(peers) == 5
    assert len(set(peers)) == 2


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the loop that was closed with a connection
def test_a_client_is_closed_after_loops_that_nobody_ended_well(answering: Scripted) -> None:
    """A loop that was closed while a connection of the client was open: nothing is left to be awaited."""
    client = flowkeys.AsyncClient(answering.url, TOKEN, max_retries=0)
    closed, last = asyncio.new_event_loop(), asyncio.new_event_loop()
    closed.run_until_complete(client.ping())
    last.run_until_complete(client.ping())
    closed.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        last.run_until_complete(client.aclose())
        del closed, client
        gc.collect()
    last.close()
