"""A server that answers a byte at a time: it must not use up what the verifier asks with."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from flowkeys.verify import Unavailable, Verifier, mint
from tests.library.conftest import code, eventually
from tests.library.programs.dripping import Dripping
from tests.library.proxy import Proxy
from tests.support.flows import make_key
from tests.support.server import Running

_CALLS = 40
"""More than are under way at a time."""
HEAD = b""
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def said(verifier: Verifier, token: str) -> str:
    """Return what is said of a token, in a word."""
    try:
        return code(verifier.verify(token=token))
    except Unavailable:
        return "unavailable"


class Switch(Proxy):
    """A proxy whose target may be changed: for connections that come then."""

    def to(self, url: str) -> None:
        """Pass connections on to `url` from now on."""
        host, port = url.removeprefix("http://").split(":")
        self._target = host, int(port)


@pytest.mark.parametrize("begin", [HEAD, BODY], ids=["head", "body"])
def test_it_keeps_no_thread(begin: bytes, running: Running) -> None:
    """Calls that met it are outages; once a good server answers at the same address, it is heard."""
    api = running.owner()
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api)
    dripping = Dripping(begin)
    switch = Switch(dripping.url)
    with Verifier.remote(switch.url, own["apiKey"], timeout_seconds=0.5) as verifier:
        with ThreadPoolExecutor(_CALLS) as pool:
            found = list(pool.map(lambda _: said(verifier, mint()), range(_CALLS)))
        assert found == ["unavailable"] * _CALLS
        switch.to(running.url)
        eventually(lambda: said(verifier, made["apiKey"]), "valid")
        eventually(lambda: len(verifier._source._server._lines._used) <= 1, True)  # the feed
    dripping.stop()
    switch.stop()


def test_a_feed_that_drips_is_begun_again(running: Running) -> None:
    """It says something but no event: it is cut when a call has to ask, and what it names then is heard."""
    api = running.owner()
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api)
    dripping = Dripping(HEAD, everything=True)
    switch = Switch(dripping.url)
    with Verifier.remote(switch.url, own["apiKey"], silence_seconds=1.5, timeout_seconds=0.5) as verifier:
        source = verifier._source
        assert said(verifier, made["apiKey"]) == "unavailable"
        switch.to(running.url)
        for line in list(source._server._lines._used):
            line.until = 0.0  # as if the time for it were over
        eventually(lambda: said(verifier, made["apiKey"]), "valid")
        eventually(lambda: bool(source._cache._records) or said(verifier, made["apiKey"]), True)
    dripping.stop()
    switch.stop()


def test_closing_ends_what_drips() -> None:
    """No thread goes on, and whoever waits is told."""
    dripping = Dripping(HEAD)
    verifier = Verifier.remote(dripping.url, mint(), timeout_seconds=20)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(said, verifier, mint()) for _ in range(4)]
        eventually(lambda: dripping.questions, 4)
        verifier.close()
        assert [each.result() for each in waiting] == ["unavailable"] * 4
    source = verifier._source
    eventually(lambda: [t for t in (*source._pool._threads, source._thread) if t.is_alive()], [])
    dripping.stop()
