"""Everything that is served on a port is on a Unix socket too, where the proxy says who the client is."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.flows import bound_key, events, make_chatflow
from tests.support.server import Api, Running

BURST = 5
_numbers = count(1)


@pytest.fixture(scope="module", params=["protocol", "asgi"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server on a port and a socket, of which only the socket is trusted."""
    folder = tmp_path_factory.mktemp("unix")
    limits = {"failures_per_second": 1, "failures_burst": BURST}
    running = Running(
        folder / "data", http=request.param, uds=folder / "s", trusted_proxies="unix", **limits
    ).start()
    running.uds = folder / "s"  # type: ignore[attr-defined]
    yield running
    running.stop()
    assert not (folder / "s").exists()


@pytest.fixture
def uds(served: Running) -> Path:
    """The socket."""
    found: Path = served.uds  # type: ignore[attr-defined]
    return found


def flood(api: Api, **headers: str) -> list[int]:
    """Send more guesses than an address may."""
    return [api.get("/auth/verify", headers=headers).status_code for _ in range(BURST + 3)]


def test_keys_predictions_and_pages_work(served: Running, uds: Path) -> None:
    """Verify, forward-auth, predictions whole and streamed, management; forms of our own pages only."""
    with served.owner() as owner, served.api(owner.token, uds=uds) as api:
        chatflow = make_chatflow(api)
        key = bound_key(api, chatflow)["apiKey"]
        asked = api.post("/apikey/verify", json={"token": key, "chatflowId": chatflow["id"]})
        assert (asked.status_code, asked.json()["valid"]) == (200, True), asked.text
        with served.api(key, uds=uds) as caller:
            assert caller.get(f"/auth/verify/chatflow/{chatflow['id']}").status_code == 200
            path = f"/prediction/{chatflow['id']}"
            assert caller.post(path, json={"question": "Hi"}).json()["text"] == "You said: Hi"
            streamed = caller.post(path, json={"question": "Hi", "streaming": True})
            assert events(streamed.text)[-1]["event"] == "end"
            assert "You said: Hi" in streamed.text
    with served.api(uds=uds) as browser:
        browser.base_url = "http://keys.test"  # type: ignore[assignment]
        assert browser.get("/sign-in").status_code == 200
        form = {"email": "ada@example.com", "password": "wrong"}
        statuses = [
            browser.post("/sign-in", data=form, headers={"Origin": origin}).status_code
            for origin in ("http://keys.test", "http://evil.test")
        ]
        assert statuses[0] != 403
        assert statuses[1] == 403


def test_the_proxy_on_the_socket_says_who_the_client_is(served: Running, uds: Path) -> None:
    """Given `unix` as a trusted proxy, failures count by the client's address; by the port they do not."""
    client, other = (f"198.51.100.{next(_numbers)}" for _ in range(2))
    with served.api("guess", uds=uds) as api, served.api("guess") as by_port:
        assert 429 in flood(api, **{"X-Forwarded-For": client})
        assert api.get("/auth/verify", headers={"X-Forwarded-For": client}).status_code == 429
        assert api.get("/auth/verify", headers={"X-Forwarded-For": other}).status_code == 401
        assert by_port.get("/auth/verify", headers={"X-Forwarded-For": client}).status_code != 429


def test_without_trust_all_of_the_socket_count_as_one(tmp_path: Path) -> None:
    """Given no `unix`, what a client writes is nothing: all are counted together, and a good key gets in."""
    limits = {"failures_per_second": 1, "failures_burst": BURST}
    uds = tmp_path / "s"
    running = Running(tmp_path / "data", uds=uds, trusted_proxies="127.0.0.1", **limits).start()
    try:
        with running.owner() as owner, running.api("guess", uds=uds) as api:
            statuses = [
                api.get("/auth/verify", headers={"X-Forwarded-For": f"198.51.100.{n}"}).status_code
                for n in range(BURST + 3)
            ]
            assert 429 in statuses
            with running.api(owner.token, uds=uds) as good:
                assert good.get("/apikey").status_code == 200
            with running.api("guess") as by_port:
                assert by_port.get("/auth/verify").status_code != 429
    finally:
        running.stop()
