"""Pages on other origins: README.md says what to change so that they can call the application."""

from collections.abc import Callable

import pytest

from tests.proxies.conftest import World
from tests.proxies.programs import CONFIGURATIONS, KINDS, Proxy
from tests.proxies.wire import call

ORIGIN = "https://app.example.org"
PREFLIGHT = (f"Origin: {ORIGIN}", "Access-Control-Request-Method: POST")


def test_the_command_of_the_readme_is_what_is_tested() -> None:
    """Every file has the marks that it takes away."""
    text = (CONFIGURATIONS / "README.md").read_text("utf-8")
    assert f"sed -i -e 's/# CORS: //' -e 's#__ORIGIN__#{ORIGIN}#' nginx.conf" in text
    for file in ("nginx.conf", "Caddyfile", "haproxy.cfg", "envoy.yaml"):
        assert "# CORS: " in (CONFIGURATIONS / file).read_text("utf-8")


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_preflight_reaches_the_application(kind: str, world: World, launch: Callable[..., Proxy]) -> None:
    """Without a key and without an identity; nothing else does, and a page can read why."""
    proxy = launch(kind, {**world.values(), "ORIGIN": ORIGIN})
    lies = ("X-Auth-Key-Id: evil", f"Authorization: Bearer {world.elsewhere}")
    answer = call(proxy.port, "/a", *PREFLIGHT, *lies, method="OPTIONS")
    assert (answer.status, answer.json["method"], answer.json["target"]) == (200, "OPTIONS", "/a")
    assert "evil" not in str(answer.json)
    assert world.elsewhere not in str(answer.json)
    before = len(world.upstream.seen)
    refused = [
        call(proxy.port, "/", *PREFLIGHT, method="POST"),
        call(proxy.port, "/", PREFLIGHT[0], method="OPTIONS"),
        call(proxy.port, "/", PREFLIGHT[1], method="OPTIONS"),
        call(proxy.port, "/", PREFLIGHT[0]),
        call(proxy.port, "/", PREFLIGHT[0], f"Authorization: Bearer {world.elsewhere}"),
    ]
    assert [(one.status, one.code) for one in refused] == [
        *[(401, "missing_credentials")] * 4,
        (403, "chatflow_not_allowed"),
    ]
    assert [one.all("access-control-allow-origin") for one in refused] == [[ORIGIN]] * 5
    assert [len(one.all("www-authenticate")) for one in refused] == [1] * 5
    assert len(world.upstream.seen) == before
    good = call(proxy.port, "/", PREFLIGHT[0], f"Authorization: Bearer {world.token}")
    assert (good.status, good.all("access-control-allow-origin")) == (200, [])


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_outage_can_be_read_too(kind: str, world: World, launch: Callable[..., Proxy]) -> None:
    """As far as the proxy's own answers can be added to: Caddy's cannot."""
    proxy = launch(kind, {**world.values(port=1), "ORIGIN": ORIGIN})
    answer = call(proxy.port, "/", PREFLIGHT[0])
    assert answer.status in {502, 503}
    assert answer.all("access-control-allow-origin") == ([] if kind == "caddy" else [ORIGIN])
