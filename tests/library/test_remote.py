"""Verifying against a server over HTTP: what is kept, and when it is not trusted."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowkeys.verify import ConfigurationError, Unavailable, Verifier, mint
from tests.library.conftest import by_hand, code, eventually
from tests.library.programs.dripping import Dripping
from tests.library.proxy import Proxy
from tests.support.flows import bound_key, make_chatflow, make_key
from tests.support.server import Api, Running
from tests.support.waiting import PATIENCE_SECONDS


class Counted:
    """A verifier over HTTP, its questions to the server counted and, if need be, held up."""

    def __init__(self, url: str, key: str, **settings: float) -> None:
        self.verifier = Verifier.remote(url, key, **settings)
        self.source = self.verifier._source
        self._ask = self.source._server.ask
        self.source._server.ask = self.ask
        self.asked: list[str | None] = []
        self.after: Callable[[], object] = lambda: None

    def ask(self, token: str, chatflow_id: str | None, address: str | None, until: float):
        """Ask the server; what `after` does happens between its answer and ours."""
        self.asked.append(chatflow_id)
        answer = self._ask(token, chatflow_id, address, until)
        self.after()
        return answer

    def said(self, token: str, chatflow_id: str | None = None, **wanted) -> str:
        """Return what is said of a token, in a word."""
        try:
            return code(self.verifier.verify(token=token, chatflow_id=chatflow_id, **wanted))
        except Unavailable:
            return "unavailable"

    def questions(self, token: str, chatflow_id: str | None = None) -> int:
        """Return how many questions one more verification costs."""
        before = len(self.asked)
        self.said(token, chatflow_id)
        return len(self.asked) - before

    def settled(self, token: str) -> "Counted":
        """Wait until the token is kept: the feed is heard."""
        eventually(lambda: self.questions(token), 0)
        return self


@pytest.fixture(scope="module")
def api(running: Running) -> Api:
    """A client that may do everything."""
    return running.owner()


@pytest.fixture
def remote(running: Running, api: Api) -> Iterator[Counted]:
    """A verifier whose own key holds no more than it needs."""
    counted = Counted(running.url, make_key(api, permissions=["apikeys:view"])["apiKey"])
    yield counted
    counted.verifier.close()


async def test_it_answers_as_the_server_does(api: Api, remote: Counted) -> None:
    """From the server at first and from memory then: the same, waiting or not."""
    chatflow, other, public = make_chatflow(api), make_chatflow(api), make_chatflow(api, isPublic=True)
    made = bound_key(api, chatflow, "Backend", permissions=["logs:view"], expiresIn="90d")
    token = made["apiKey"]
    for _ in range(2):
        for found in (remote.verifier.verify(token=token), await remote.verifier.averify(token=token)):
            assert found.allowed
            assert (found.id, found.name, found.workspace_id) == (made["id"], "Backend", made["workspaceId"])
            assert (found.permissions, found.chatflow_ids) == ({"logs:view"}, {chatflow["id"]})
            assert found.expires_at.isoformat(timespec="milliseconds")[:23] == made["expiresAt"][:23]
        assert remote.said(token, chatflow["id"], permissions="logs:view") == "valid"
        assert remote.said(token, chatflow["id"], permissions="users:manage") == "permission_missing"
        assert remote.said(token, other["id"]) == "chatflow_not_allowed"
        assert remote.said(token, public["id"]) == "valid"
        assert remote.said(token, public["id"], permissions="users:manage") == "permission_missing"
        assert remote.said(mint()) == "unknown_key"
        remote.settled(token)
    for action, wanted in (("disable", "disabled_key"), ("enable", "valid")):
        api.post(f"/apikey/{made['id']}/{action}")
        eventually(lambda: remote.said(token), wanted)


def test_what_is_kept_costs_no_question(api: Api, remote: Counted) -> None:
    """A record answers for everything that it can; what no token is costs nothing ever."""
    chatflow = make_chatflow(api)
    token = bound_key(api, chatflow)["apiKey"]
    remote.settled(token)
    assert remote.questions(token, chatflow["id"]) == 0
    assert remote.questions(token[:-1] + ("a" if token[-1] != "a" else "b")) == 0
    assert remote.questions("nonsense") == 0


def test_a_change_reaches_what_is_kept(running: Running, api: Api, remote: Counted) -> None:
    """Revoked over HTTP, and by hand: the feed ends what is kept, and the rest stays."""
    first, second, third = (make_key(api) for _ in range(3))
    for made in (first, second, third):
        remote.settled(made["apiKey"])
    api.delete(f"/apikey/{first['id']}")
    eventually(lambda: remote.said(first["apiKey"]), "revoked_key")
    by_hand(running.data_dir, "UPDATE api_key SET status = 'disabled' WHERE id = ?", second["id"])
    eventually(lambda: remote.said(second["apiKey"]), "disabled_key")
    assert remote.questions(third["apiKey"]) == 0


def test_a_new_key_is_known_at_once_where_it_was_unknown(api: Api, remote: Counted) -> None:
    """Refusals are kept briefly, and any change ends them."""
    made = make_key(api)
    remote.settled(made["apiKey"])
    api.post(f"/apikey/{made['id']}/disable")
    eventually(lambda: remote.said(made["apiKey"]), "disabled_key")
    api.post(f"/apikey/{made['id']}/enable")
    eventually(lambda: remote.said(made["apiKey"]), "valid")


def test_a_chatflow_that_is_closed_again_is_closed_here(api: Api, remote: Counted) -> None:
    """That it was public is forgotten with the change."""
    chatflow = make_chatflow(api, isPublic=True)
    token = make_key(api)["apiKey"]
    remote.settled(token)
    assert remote.said(token, chatflow["id"]) == "valid"
    api.put(f"/chatflows/{chatflow['id']}", json={"isPublic": False})
    eventually(lambda: remote.said(token, chatflow["id"]), "chatflow_not_allowed")


def test_a_binding_is_not_taken_for_a_public_chatflow(api: Api, remote: Counted) -> None:
    """A key that was bound meanwhile opens the chatflow for itself, not for every key."""
    chatflow, bound, other = make_chatflow(api), make_key(api), make_key(api)
    remote.settled(bound["apiKey"]).settled(other["apiKey"])
    assert remote.said(bound["apiKey"], chatflow["id"]) == "chatflow_not_allowed"
    api.put(f"/apikey/{bound['id']}/chatflows", json={"chatflowIds": [chatflow["id"]]})
    eventually(lambda: remote.said(bound["apiKey"], chatflow["id"]), "valid")
    assert remote.said(other["apiKey"], chatflow["id"]) == "chatflow_not_allowed"


def test_an_answer_that_a_change_overtook_is_not_kept(api: Api, remote: Counted) -> None:
    """Dify's race: revoked between the server's answer and the moment when it would be kept."""
    made = make_key(api)
    remote.settled(make_key(api)["apiKey"])

    def revoke() -> None:
        remote.after = lambda: None
        api.delete(f"/apikey/{made['id']}")
        eventually(lambda: made["id"] in remote.source._cache._changed, True)

    remote.after = revoke
    assert remote.said(made["apiKey"]) == "valid"  # as it was when it was asked
    assert remote.said(made["apiKey"]) == "revoked_key"


def test_an_answer_of_before_the_change_is_not_kept(api: Api, remote: Counted) -> None:
    """e2b's race: another process of the server, which is behind, answers after the change was told."""
    made = make_key(api)
    remote.settled(made["apiKey"])
    old = remote._ask(made["apiKey"], None, None, time.monotonic() + PATIENCE_SECONDS)
    api.post(f"/apikey/{made['id']}/disable")
    eventually(lambda: remote.said(made["apiKey"]), "disabled_key")
    asking, remote._ask = remote._ask, lambda *_: old
    with remote.source._lock:
        remote.source._cache._brief.clear()
    assert remote.said(made["apiKey"]) == "valid"  # what that process says
    remote._ask = asking
    assert remote.said(made["apiKey"]) == "disabled_key"


def test_concurrent_calls_share_a_question(api: Api, remote: Counted) -> None:
    """Sixteen threads and tasks, one unknown key: one look-up."""
    remote.settled(make_key(api)["apiKey"])
    token, later = make_key(api)["apiKey"], make_key(api)
    # The feed is in order: nothing more is heard of the key, which would be asked about again.
    eventually(lambda: later["id"] in remote.source._cache._changed, True)
    hold, remote.asked = threading.Event(), []
    remote.after = lambda: hold.wait(PATIENCE_SECONDS)
    ask, waits = remote.source._ask, []

    def asking(*question: Any) -> Any:
        """Ask, and note that somebody waits."""
        future = ask(*question)
        waits.append(future)
        return future

    remote.source._ask = asking

    async def tasks() -> list[bool]:
        calls = (remote.verifier.averify(token=token) for _ in range(8))
        return [found.allowed for found in await asyncio.gather(*calls)]

    with ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(remote.said, token) for _ in range(8)]
        together = pool.submit(lambda: asyncio.run(tasks()))
        eventually(lambda: len(waits), 16)
        hold.set()
        assert [each.result() for each in waiting] == ["valid"] * 8
        assert together.result() == [True] * 8
    assert len(remote.asked) == 1


def test_a_key_ends_at_its_time_though_it_is_kept(
    api: Api, remote: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No change tells of an expiry: it is compared at each call."""
    token = make_key(api, expiresIn="1h")["apiKey"]
    remote.settled(token)
    later = 2 * 3600 * 1_000_000 + time.time_ns() // 1000
    monkeypatch.setattr("flowkeys.verify.remote.now", lambda: later)
    assert remote.said(token) == "expired_key"


def test_a_cut_feed_is_not_trusted(running: Running, api: Api) -> None:
    """While the feed is away each call asks the server; after it is back, what was kept is gone."""
    key = make_key(api, permissions=["apikeys:view"])["apiKey"]
    made = make_key(api)
    proxy = Proxy(running.url)
    remote = Counted(proxy.url, key)
    remote.settled(made["apiKey"])
    real = remote.source._server.follow
    remote.source._server.follow = lambda *_: (_ for _ in ()).throw(Unavailable("no feed"))
    proxy.cut()
    eventually(lambda: remote.source._cache.is_trusted(time.monotonic()), False)
    eventually(lambda: remote.said(made["apiKey"]), "valid")
    assert remote.questions(made["apiKey"]) == 1
    by_hand(running.data_dir, "UPDATE api_key SET status = 'revoked' WHERE id = ?", made["id"])
    eventually(lambda: remote.said(made["apiKey"]), "revoked_key")
    remote.source._server.follow = real
    remote.settled(key)
    remote.verifier.close()
    proxy.stop()


def test_a_silent_feed_is_not_trusted(running: Running, api: Api) -> None:
    """Packets that are lost say nothing: past its bound silence is an outage, never an old answer."""
    made = make_key(api)
    proxy = Proxy(running.url)
    remote = Counted(proxy.url, make_key(api, permissions=["apikeys:view"])["apiKey"], timeout_seconds=0.5)
    remote.settled(made["apiKey"])
    proxy.silence()
    api.delete(f"/apikey/{made['id']}")
    eventually(lambda: remote.said(made["apiKey"]), "unavailable")
    proxy.speak()
    proxy.cut()
    eventually(lambda: remote.said(made["apiKey"]), "revoked_key")
    remote.verifier.close()
    proxy.stop()


def test_a_server_that_is_away_is_an_outage(running: Running, api: Api) -> None:
    """Neither an exception of the HTTP client nor a refusal; a verifier can be made all the same."""
    made = make_key(api)
    proxy = Proxy(running.url)
    remote = Counted(proxy.url, make_key(api, permissions=["apikeys:view"])["apiKey"])
    remote.settled(made["apiKey"])
    proxy.stop()
    eventually(lambda: remote.said(made["apiKey"]), "unavailable")
    remote.verifier.close()
    with (
        Verifier.remote(proxy.url, made["apiKey"]) as never,
        pytest.raises(Unavailable, match="cannot be asked"),
    ):
        never.verify(token=made["apiKey"])


def test_its_own_key_needs_a_permission(running: Running, api: Api) -> None:
    """That is the operator's to mend, and no refusal of whoever calls."""
    made = make_key(api)
    with (
        Verifier.remote(running.url, made["apiKey"]) as verifier,
        pytest.raises(Unavailable, match="apikeys:view"),
    ):
        verifier.verify(token=made["apiKey"])


def test_its_own_key_revoked_ends_what_is_kept(api: Api, remote: Counted, running: Running) -> None:
    """The feed ends with its key, and with it all trust."""
    made = make_key(api)
    own = make_key(api, permissions=["apikeys:view"])
    other = Counted(running.url, own["apiKey"]).settled(made["apiKey"])
    api.delete(f"/apikey/{own['id']}")
    eventually(lambda: other.said(made["apiKey"]), "unavailable")
    other.verifier.close()


def test_keys_of_other_workspaces_are_unknown(running: Running, remote: Counted) -> None:
    """A verifier knows the keys of its own key's workspace."""
    assert remote.said(running.key("foreign", workspace="another")["apiKey"]) == "unknown_key"


def test_networks_are_decided_about_on_each_call(api: Api, remote: Counted) -> None:
    """What is kept is the key with its networks: a call from elsewhere is refused without a question."""
    chatflow, public = make_chatflow(api), make_chatflow(api, isPublic=True)
    made = bound_key(api, chatflow, allowedIps=["192.0.2.0/24"])
    token, inside, outside = made["apiKey"], "192.0.2.7", "192.0.3.7"
    remote.settled(make_key(api)["apiKey"])

    def questions() -> list[str]:
        remote.asked = []
        return [
            remote.said(token, address=outside),
            remote.said(token),
            remote.said(token, address="nowhere"),
            remote.said(token, chatflow["id"], address=outside),
            remote.said(token, chatflow["id"], address=inside),
            remote.said(token, address=f"::ffff:{inside}"),
        ]

    expected = ["ip_not_allowed"] * 4 + ["valid"] * 2
    assert questions() == expected
    eventually(lambda: (questions(), len(remote.asked)), (expected, 0))
    assert remote.said(token, public["id"], address=outside) == "ip_not_allowed"
    assert remote.said(token, make_chatflow(api)["id"], address=inside) == "chatflow_not_allowed"
    assert remote.said(token, public["id"], address=inside) == "valid"
    api.put(f"/apikey/{made['id']}", json={"allowedIps": ["192.0.3.0/24"]})
    eventually(lambda: remote.said(token, address=outside), "valid")
    assert remote.said(token, address=inside) == "ip_not_allowed"
    api.put(f"/apikey/{made['id']}", json={"allowedIps": []})
    eventually(lambda: remote.said(token), "valid")


def test_a_closed_one_is_an_outage(running: Running, api: Api) -> None:
    """And its thread ends."""
    token = make_key(api, permissions=["apikeys:view"])["apiKey"]
    remote = Counted(running.url, token).settled(token)
    remote.verifier.close()
    eventually(remote.source._thread.is_alive, False)
    with pytest.raises(Unavailable):
        remote.verifier.verify(token=token)


@pytest.mark.parametrize("arguments", [("ftp://x", "fl-x"), ("http://127.0.0.1:1", ""), (None, "fl-x")])
def test_what_cannot_work_is_told_at_once(arguments: tuple) -> None:
    """An address that is none, or no key."""
    with pytest.raises(ConfigurationError):
        Verifier.remote(*arguments)


@pytest.mark.parametrize(
    "source",
    [pytest.param("local", marks=pytest.mark.of_sqlite("`Verifier.local` reads the file")), "remote"],
)
def test_a_process_that_forks_may_go_on(running: Running, api: Api, source: str) -> None:
    """Servers that fork make the verifier first: threads and connections begin anew in each child."""
    own, made = make_key(api, permissions=["apikeys:view"]), make_key(api)
    if source == "local":
        verifier = Verifier.local(running.data_dir)
    else:
        verifier = Verifier.remote(running.url, own["apiKey"])
    with verifier:
        assert verifier.verify(token=made["apiKey"])
        child = os.fork()
        if child == 0:
            found = 1
            try:
                found = 0 if verifier.verify(token=made["apiKey"]) else 2
            finally:
                os._exit(found)
        assert os.waitpid(child, 0)[1] == 0
        assert verifier.verify(token=made["apiKey"])


def test_a_connection_that_was_closed_is_no_outage(running: Running, api: Api) -> None:
    """Servers close connections that are idle: the question is asked again on a new one."""
    proxy = Proxy(running.url)
    remote = Counted(proxy.url, make_key(api, permissions=["apikeys:view"])["apiKey"])
    remote.source._server.follow = lambda *_: (_ for _ in ()).throw(Unavailable("no feed"))
    token = make_key(api)["apiKey"]
    assert remote.said(token) == "valid"
    for _ in range(20):
        proxy.cut()
        assert remote.said(token) == "valid"
    remote.verifier.close()
    proxy.stop()


@pytest.mark.parametrize("waits", [True, False], ids=["verify", "averify"])
@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"]
)
def test_the_limit_is_for_the_whole_call(begin: bytes, waits: bool) -> None:
    """A server that answers a byte at a time keeps nobody waiting, and is not asked again after that."""
    server = Dripping(begin)
    verifier = Verifier.remote(server.url, mint(), timeout_seconds=0.5)

    def ask() -> object:
        return verifier.verify(token=mint()) if waits else asyncio.run(verifier.averify(token=mint()))

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask)
        try:
            with pytest.raises(Unavailable, match=r"within 0\.5 seconds"):
                asked.result(PATIENCE_SECONDS)
        finally:
            server.stop()
    eventually(lambda: verifier._source._asked, {})
    assert server.questions <= 1
    verifier.close()
