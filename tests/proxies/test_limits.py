"""What flowkeys says of rate limits reaches the client through each ready configuration, as it is."""

import json
from typing import Any, Final

import pytest

from tests.proxies.conftest import World
from tests.proxies.plain import Plain
from tests.proxies.programs import Proxy
from tests.proxies.wire import Answer, call
from tests.support.flows import bound_key, make_chatflow

DAY: Final = [{"limit": 2, "windowSeconds": 86_400}]
SOON: Final = [{"limit": 1, "windowSeconds": 50}]
NAMES: Final = ("ratelimit-policy", "ratelimit", "retry-after", "x-should-retry")
FORGED: Final = ("RateLimit: x", "X-Auth-RateLimit: x", "X-Auth-RateLimit-Policy: x", "X-Should-Retry: x")


def said(answer: Answer) -> dict[str, list[str]]:
    """Return each header about limits, with all of its lines."""
    return {name: answer.all(name) for name in NAMES if answer.all(name)}


def check_left(answer: Answer, left: int) -> None:
    """Check that an allowed call is told what is left, once."""
    found = said(answer)
    assert answer.status == 200
    assert found.keys() == {"ratelimit-policy", "ratelimit"}
    assert found["ratelimit-policy"] == ['"day";q=2;w=86400']
    (field,) = found["ratelimit"]
    assert field.startswith(f'"day";r={left};t=')


def check_refused(answer: Answer, name: str, longest: int, should_retry: list[str]) -> None:
    """Check that a refused call is told why, and how long to wait, each once."""
    assert (answer.status, answer.code) == (429, "rate_limited")
    found = said(answer)
    (policy,), (field,), (wait,) = (found[each] for each in NAMES[:3])
    assert policy.startswith(f'"{name}";q=')
    assert field.startswith(f'"{name}";r=0;t=')
    assert 1 <= int(wait) <= longest
    assert found.get("x-should-retry", []) == should_retry


def test_through_forward_auth(proxy: Proxy, world: World) -> None:
    """The application's answers say what is left; a refusal, how long to wait and whether to try again."""
    token = f"Authorization: Bearer {world.new_key('limited', rateLimits=DAY)['apiKey']}"
    for left in (1, 0):
        check_left(call(proxy.port, "/", token, *FORGED), left)
    before = len(world.upstream.seen)
    for _ in range(2):
        check_refused(
            call(proxy.port, "/", token, *FORGED, method="POST", body=b"x"), "day", 86_400, ["false"]
        )
    assert len(world.upstream.seen) == before
    soon = f"Authorization: Bearer {world.new_key('soon', rateLimits=SOON)['apiKey']}"
    assert call(proxy.port, "/", soon).status == 200
    check_refused(call(proxy.port, "/", soon, *FORGED), "50s", 50, [])
    free = call(proxy.port, "/", f"Authorization: Bearer {world.token}", *FORGED)
    assert (free.status, said(free)) == (200, {})


@pytest.mark.parametrize("streaming", [False, True])
def test_through_a_reverse_proxy(plain_proxy: Proxy, plain: Plain, streaming: bool) -> None:
    """Predictions, whole and streamed, say the same."""
    chatflow = make_chatflow(plain.owner)
    token = f"Authorization: Bearer {bound_key(plain.owner, chatflow, rateLimits=DAY)['apiKey']}"

    def ask() -> Any:
        body = json.dumps({"question": "Hello", "streaming": streaming}).encode()
        kind = "Content-Type: application/json"
        return plain.call(
            plain_proxy,
            f"/api/v1/prediction/{chatflow['id']}",
            token,
            kind,
            *FORGED,
            method="POST",
            body=body,
        )

    for left in (1, 0):
        check_left(ask(), left)
    check_refused(ask(), "day", 86_400, ["false"])
