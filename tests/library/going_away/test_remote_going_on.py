"""A verifier over HTTP whose feed ends: what it knows counts on, as long as nothing can have been missed."""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from flowkeys.domain.keys.decision import AccessRequest
from flowkeys.verify import Unavailable
from flowkeys.verify.clock import now
from tests.library.conftest import by_hand, eventually
from tests.library.proxy import Proxy
from tests.library.test_remote import Counted
from tests.support.flows import make_key
from tests.support.server import Api, Running
from tests.support.waiting import until

_NEW, _OLD = "n3wS3cret0fTheServer0123456789abcdefXYZ", "0ldS3cret0fTheServer9876543210fedcbaZYX"


class Watched(Counted):
    """A verifier behind a proxy, with keys that it knows, whose feed can be held up."""

    def __init__(self, running: Running, number: int = 3) -> None:
        api = running.owner()
        self.proxy = Proxy(running.url)
        self.made = [make_key(api) for _ in range(number)]
        super().__init__(self.proxy.url, make_key(api, permissions=["apikeys:view"])["apiKey"])
        self._follow = self.source._server.follow
        self.streams = 0
        self.source._server.follow = self._count
        for made in self.made:
            self.settled(made["apiKey"])

    def _count(self, *arguments):
        self.streams += 1
        return self._follow(*arguments)

    def is_heard(self) -> bool:
        """Tell whether what is kept counts."""
        with self.source._lock:
            return self.source._cache.is_trusted(time.monotonic())

    def hold(self) -> None:
        """Let no stream begin."""
        self.source._server.follow = lambda *_: (_ for _ in ()).throw(Unavailable("no feed"))

    def go_on(self) -> None:
        """Let them begin again, and wait until one says where it goes on."""
        self.source._server.follow = self._count
        self.followed()

    def followed(self) -> None:
        """Wait until a stream is heard that has said where it goes on."""
        until(lambda: not self.source._cache._is_new and self.is_heard(), "the feed to be heard")

    def cut(self) -> None:
        """Cut every connection, and wait until the verifier has another stream."""
        before = self.streams
        self.proxy.cut()
        until(lambda: self.streams > before, "another stream")
        self.followed()

    def costs(self) -> list[int]:
        """Return what a call for each key costs."""
        return [self.questions(made["apiKey"]) for made in self.made]

    def end(self) -> None:
        """Close everything."""
        self.verifier.close()
        self.proxy.stop()


@pytest.fixture(scope="module")
def api(running: Running) -> Api:
    """A client that may do everything."""
    return running.owner()


@pytest.fixture
def watched(running: Running) -> Iterator[Watched]:
    """A verifier of the file's server."""
    made = Watched(running)
    yield made
    made.end()


def test_a_connection_that_is_cut_costs_no_question(watched: Watched) -> None:
    """The stream goes on from its position, as often as it is cut."""
    for _ in range(3):
        watched.cut()
        assert watched.costs() == [0, 0, 0]


def test_what_changed_while_it_was_cut_is_told(running: Running, api: Api, watched: Watched) -> None:
    """Revoked over HTTP and by hand while nothing was heard: refused when it is heard again; others stay."""
    first, second, third = watched.made
    watched.hold()
    watched.proxy.cut()
    eventually(watched.is_heard, False)  # that long is silence borne
    api.delete(f"/apikey/{first['id']}")
    by_hand(running.data_dir, "UPDATE api_key SET status = 'disabled' WHERE id = ?", second["id"])
    assert watched.said(first["apiKey"]) == "revoked_key"  # the server is asked
    assert watched.questions(third["apiKey"]) == 1
    watched.go_on()
    assert watched.said(first["apiKey"]) == "revoked_key"
    assert watched.said(second["apiKey"]) == "disabled_key"
    assert watched.questions(third["apiKey"]) == 0


def test_nothing_counts_beyond_the_bound(running: Running, api: Api) -> None:
    """A half-open connection says nothing: what is kept ends with the bound, though no error tells of it."""
    watched = Watched(running)
    revoked, other, _ = watched.made
    source = watched.source
    source._server.timeout_seconds = 0.5
    watched.proxy.silence()
    api.delete(f"/apikey/{revoked['id']}")
    with source._lock:
        cache, last = source._cache, source._cache._heard
        index, asked = cache.index(revoked["apiKey"].encode()), AccessRequest()
        within, beyond = last + 0.999 * source._silence, last + 1.001 * source._silence
        decided = [cache.decide(index, asked, now(), at) for at in (within, beyond)]
    assert [one is not None for one in decided] == [True, False]
    eventually(lambda: watched.said(revoked["apiKey"]), "unavailable")
    watched.proxy.speak()
    watched.proxy.cut()
    watched.followed()
    assert watched.said(revoked["apiKey"]) == "revoked_key"
    assert watched.questions(other["apiKey"]) == 0
    watched.end()


@pytest.mark.of_sqlite("on PostgreSQL only the process that told of a position knows it")
@pytest.mark.of_one_process("the processes are replaced one after the other here")
def test_a_server_that_was_started_anew_goes_on_where_it_was(start: Callable[..., Running]) -> None:
    """What was changed while it was away is told; what was not costs no question."""
    before = start()
    watched = Watched(before)
    revoked = watched.made[1]
    before.stop()
    by_hand(before.data_dir, "UPDATE api_key SET status = 'revoked' WHERE id = ?", revoked["id"])
    after = start()
    target = urlsplit(after.url)
    watched.proxy._target = target.hostname, target.port
    watched.followed()
    assert watched.costs() == [0, 1, 0]
    assert watched.said(revoked["apiKey"]) == "revoked_key"
    watched.end()


@pytest.mark.of_sqlite("on PostgreSQL only the process that told of a position knows it")
@pytest.mark.of_one_process("the processes are replaced one after the other here")
def test_with_other_secrets_everything_is_asked_anew(start: Callable[..., Running]) -> None:
    """A secret that is retired ends keys, and no change tells of it."""
    before = start(secret=f"{_NEW},{_OLD}")
    watched = Watched(before)
    before.stop()
    after = start(secret=_NEW)
    target = urlsplit(after.url)
    watched.proxy._target = target.hostname, target.port
    eventually(lambda: watched.source._cache._is_new, False)
    assert watched.costs() == [1, 1, 1]
    watched.end()
