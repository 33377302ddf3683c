"""Keys in another header than Authorization, as docs/forward-auth/README.md says, through each proxy."""

import re
from collections.abc import Callable

import pytest

from tests.proxies.conftest import World
from tests.proxies.programs import CONFIGURATIONS, KINDS, Proxy
from tests.proxies.wire import call
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running

MARK = "tests/proxies/test_another_header.py reads this table. -->\n"
BASIC = "Authorization: Basic dXNlcjpwYXNz"


def rows() -> dict[str, tuple[str, str]]:
    """Return what the README's table replaces by what, by the kind of proxy."""
    table = (CONFIGURATIONS / "README.md").read_text("utf-8").partition(MARK)[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        kind, before, after = [cell.strip() for cell in line.strip("|").split("|")]
        found[kind] = (re.fullmatch(r"`(.+)`", before)[1], re.fullmatch(r"`(.+)`", after)[1])
    return found


@pytest.fixture(scope="module")
def with_a_header(serve: Callable[..., Running]) -> Running:
    """A server that takes keys from X-API-Key."""
    return serve(key_header="X-API-Key", trusted_proxies=("127.0.0.1",))


def test_every_proxy_has_its_row() -> None:
    """Older Envoys have the line of Envoy."""
    assert rows().keys() | {"older envoy"} == KINDS.keys()


@pytest.mark.parametrize("kind", list(rows()))
def test_authorization_passes_and_the_key_stays(
    kind: str, with_a_header: Running, world: World, launch: Callable[..., Proxy]
) -> None:
    """The application gets what was in Authorization, and nothing of the key."""
    with with_a_header.owner() as api:
        chatflow = make_chatflow(api, "Guarded")
        token = bound_key(api, chatflow)["apiKey"]
    before, after = rows()[kind]
    values = {**world.values(with_a_header.port), "CHATFLOW_ID": chatflow["id"]}
    proxy = launch(kind, values, {before: after})

    passed = call(proxy.port, "/", f"X-API-Key: {token}", BASIC)
    assert passed.status == 200
    headers = {name.lower(): value for name, value in passed.json["headers"]}
    assert headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert token not in str(passed.json)
    assert headers["x-auth-key-id"]
    for lines, code in {
        (BASIC,): "missing_credentials",
        (f"Authorization: Bearer {token}",): "invalid_request",
        (f"X-API-Key: {token}", f"Authorization: Bearer {token}"): "invalid_request",
        ("X-API-Key: fl-" + "0" * 32, BASIC): "unknown_key",
    }.items():
        answer = call(proxy.port, "/", *lines)
        assert answer.status in {400, 401}, lines
        assert answer.code == code, lines
