"""What is refused for other reasons than the credential, and what the log says of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys.bootstrap import clock
from flowkeys.domain.errors import Unavailable
from flowkeys.limits.failures import Failures
from flowkeys.web.hot import FastPath, Hot, Refuser
from flowkeys.web.hot.protocol import HotProtocol
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from tests.conformance import raw
from tests.support.server import Running
from tests.verification.case import World
from tests.verification.conftest import Beside

FORWARD = "/api/v1/auth/verify"
VERIFY = "/api/v1/apikey/verify"
ADDRESS = (b"X-Forwarded-For", b"192.0.2.1")
HTTP: dict[str, Any] = {"protocol": HotProtocol, "asgi": "httptools"}


class Failing:
    """A verifier, and a predictor, that fail."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def at_once(self, *_: Any, **__: Any) -> Any:
        """Fail."""
        raise self._error

    authorize_at_once = at_once


class Made:
    """A server with hot routes of the test's own, on one of the two ways."""

    def __init__(self, server: Running, http: Any) -> None:
        self._server = server
        self._http = http
        self._beside: list[Beside] = []
        self.lines: list[dict[str, Any]] = []

    def __call__(self, verifier: Any = None, *, burst: int = 0) -> str:
        """Start it, and return its URL."""
        whole: Any = self._server.server.config.app
        runtime = self._server.runtime
        refusals = Refusals(Failures(1 if burst else 0, burst), clock)
        refuser = Refuser(TrustedProxies(["127.0.0.0/8"]), refusals, self.lines.append, runtime.calls)
        hot = Hot(verifier or runtime.verifier, verifier or runtime.predictor, refuser, 1000)
        self._beside.append(Beside(self._server, FastPath(whole.app, hot), http=self._http))
        return self._beside[-1].url

    def stop(self) -> None:
        """Stop."""
        for one in self._beside:
            one.stop()


@pytest.fixture(params=HTTP)
def made(request: pytest.FixtureRequest, server: Running) -> Iterator[Made]:
    """A way."""
    one = Made(server, HTTP[request.param])
    yield one
    one.stop()


@pytest.fixture
def good(world: World) -> list[raw.Header]:
    """The header of a good key, from an address."""
    return [(b"Authorization", b"Bearer " + world.named[b"good"]), ADDRESS]


CALLS = [("GET", FORWARD), ("POST", VERIFY), ("POST", "/api/v1/prediction/x")]


def _send(url: str, method: str, target: str, headers: list[raw.Header]) -> raw.Answer:
    return raw.send(url, method, target, headers, json_body={} if method == "POST" else None)


@pytest.mark.parametrize(("method", "target"), CALLS)
def test_an_outage_is_no_denial(method: str, target: str, made: Made, good: list[raw.Header]) -> None:
    """CONTRACT section 4: 503 with Retry-After, and no challenge; with empty identity to a proxy."""
    answer = _send(made(Failing(Unavailable("The store is away."))), method, target, good)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.header("retry-after") or "") > 0
    assert answer.header("www-authenticate") is None
    assert answer.header("x-auth-key-id") == ("" if target == FORWARD else None)
    assert made.lines[-1]["code"] == "unavailable"


@pytest.mark.parametrize(("method", "target"), CALLS)
def test_a_mistake_of_ours_is_an_answer(
    method: str, target: str, made: Made, good: list[raw.Header], capfd: pytest.CaptureFixture[str]
) -> None:
    """500 with a request id that is in the log, and nothing of what went wrong."""
    answer = _send(made(Failing(RuntimeError("xyzzy"))), method, target, good)
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"xyzzy" not in answer.body
    request_id = json.loads(answer.body)["requestId"]
    assert request_id == answer.header("x-request-id") == made.lines[-1]["request_id"]
    assert request_id in capfd.readouterr().err


def test_nginx_is_told_of_an_outage_as_a_refusal(made: Made, good: list[raw.Header]) -> None:
    """It turns every other status into 500: the real one is in X-Auth-Status, and when to try again."""
    url = made(Failing(Unavailable("The store is away.")))
    answer = raw.send(url, "GET", f"{FORWARD}?mode=nginx", good)
    assert (answer.status, answer.header("x-auth-status")) == (403, "503")
    assert answer.header("x-auth-retry-after") == answer.header("retry-after") is not None


def test_too_many_failures_are_refused_as_such(made: Made, good: list[raw.Header]) -> None:
    """429 with Retry-After for guesses of one address; to nginx 403; the good key is let in all the time."""
    url = made(burst=3)
    bad = [(b"Authorization", b"Bearer nonsense"), ADDRESS]
    found = [_send(url, *call, bad).status for call in (*CALLS, *CALLS)]
    assert found == [401, 401, 401, 429, 429, 429]
    nginx = raw.send(url, "GET", f"{FORWARD}?mode=nginx", bad)
    assert (nginx.status, nginx.header("x-auth-status")) == (403, "429")
    assert int(nginx.header("x-auth-retry-after") or "") > 0
    assert _send(url, "GET", FORWARD, good).status == 200
    assert _send(url, "GET", FORWARD, [bad[0], (b"X-Forwarded-For", b"192.0.2.2")]).status == 401


def test_refusals_are_logged_and_answers_are_not(made: Made, world: World, good: list[raw.Header]) -> None:
    """A refusal's line has what every line of the access log has; an allowed check writes none."""
    url = made()
    assert _send(url, "GET", FORWARD, good).status == _send(url, "POST", VERIFY, good).status == 200
    assert made.lines == []
    expired = [(b"Authorization", b"Bearer " + world.named[b"expired"]), ADDRESS]
    for method, target in CALLS:
        answer = _send(url, method, f"{target}/x" if target == FORWARD else target, expired)
        line = made.lines.pop()
        route = target.replace("/x", "/{chatflow_id}")
        assert line.pop("ms") >= 0
        assert line == {
            "method": method,
            "route": route,
            "status": 401,
            "request_id": answer.header("x-request-id"),
            "address": "192.0.2.1",
            "code": "expired_key",
            "key_id": world.named[b"expired_id"].decode(),
        }


def test_a_request_id_is_kept_when_it_looks_like_one(made: Made, good: list[raw.Header]) -> None:
    """The id of a proxy is the one in both logs; other text, a token above all, must not get there."""
    url = made()
    for given in (b"proxy-id-12345678", b"a" * 64):
        assert _send(url, "GET", FORWARD, [*good, (b"X-Request-Id", given)]).header("x-request-id") == (
            given.decode()
        )
    for given in (b"short", b"a" * 65, b"with space 12", b"fl-0123456789", b"line\xc3\xa9-12345"):
        found = _send(url, "GET", FORWARD, [*good, (b"X-Request-Id", given)]).header("x-request-id")
        assert found not in {None, given.decode("latin-1")}
