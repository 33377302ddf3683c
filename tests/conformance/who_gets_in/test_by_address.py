"""Who gets in: addresses open nothing, and failures are limited by the client's own.

Flowise and Unkey believed the leftmost `X-Forwarded-For`; in Flowise wrong keys used up the flow's limit.
"""

from collections.abc import Iterator
from itertools import count

import pytest

from flowkeys import bootstrap
from flowkeys.domain.keys.token import ALPHABET, Token
from flowkeys.limits.failures import Failures
from tests.conformance import raw, ways
from tests.conformance.tenants import Tenant
from tests.conformance.trusted import filled
from tests.support.flows import bound_key, make_key
from tests.support.server import Running

AT_ONE_MOMENT = pytest.mark.of_one_process("the clock of its limit stands still, which others' do not")
"""What is counted exactly; tests/limits/shared counts what several processes let pass together."""

BURST = 5
WAYS: dict[str, ways.Way] = {
    **ways.PREDICTIONS,
    "verify": ways.verify,
    "forward-auth": ways.forward_auth,
    "management": ways.management,
}
GARBAGE = {
    "an unknown key": ways.bearer(Token.mint().reveal()),
    "a wrong checksum": ways.bearer("fl-" + "a" * 32),
    "another shape": ways.bearer("sk-12345"),
    "no bearer token": [(b"Authorization", b"Basic eDp5")],
    "two headers": [*ways.bearer(Token.mint().reveal()), *ways.bearer(Token.mint().reveal())],
}
PROXY = "127.0.0.0/8"
_numbers = count(1)


class Unpaid(Failures):
    """The limit at one moment: no test has to hurry."""

    def failed(self, address: str | None, now: int) -> int:
        """Count a failure."""
        return super().failed(address, now - now)


def _serve(tmp_path_factory: pytest.TempPathFactory, proxies: str) -> Iterator[Tenant]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap.runtime, "Failures", Unpaid)  # where several count together it is another
        folder = tmp_path_factory.mktemp("limited") / "data"
        limit = {"failures_per_second": 1, "failures_burst": BURST}
        server = Running(folder, trusted_proxies=proxies, **limit).start()
    yield Tenant(server, "default")
    server.stop()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A workspace of a server that trusts a proxy on this machine."""
    yield from _serve(tmp_path_factory, PROXY)


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A workspace of a server that trusts no proxy."""
    yield from _serve(tmp_path_factory, "")


@pytest.fixture
def address() -> str:
    """An address that nobody failed from yet."""
    return f"198.51.100.{next(_numbers)}"


def came_by(*addresses: str) -> ways.Headers:
    """Return the header that a proxy sends on, of which it wrote the last address."""
    return [(b"X-Forwarded-For", ", ".join(addresses).encode())]


def flood(tenant: Tenant, *addresses: str) -> list[str | None]:
    """Send more garbage than the limit allows, and return what it was answered with."""
    headers = [*GARBAGE["an unknown key"], *came_by(*addresses)]
    codes = [ways.management(tenant.server, "", headers).code for _ in range(BURST + 2)]
    while codes[-1] != "rate_limited" and len(codes) < 100 * BURST:  # where the clock goes on
        codes.append(ways.management(tenant.server, "", headers).code)
    return codes


WITHIN_AND_BEYOND = ["unknown_key"] * BURST + ["rate_limited"] * 2


@AT_ONE_MOMENT
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("garbage", GARBAGE)
def test_failures_are_limited_by_address(behind: Tenant, address: str, way: str, garbage: str) -> None:
    """Whatever the garbage and the way it comes; another address is answered as before."""
    flood(behind, address)
    ask, headers = WAYS[way], GARBAGE[garbage]
    refused = ask(behind.server, behind.chatflow["id"], [*headers, *came_by(address)])
    assert refused == (429, "rate_limited", None)
    other = ask(behind.server, behind.chatflow["id"], [*headers, *came_by(f"192.0.2.{next(_numbers)}")])
    assert other.status in {400, 401}


@AT_ONE_MOMENT
def test_a_token_in_the_url_is_a_failure_too(behind: Tenant, address: str) -> None:
    """It is malformed, wherever it is sent to; nothing of it is in the answer."""
    token = Token.mint().reveal()
    targets = [f"/api/v1/ping?access_token={token}", f"/api/v1/apikey/{token}", f"/keys/{token}"]
    for target in targets:
        answer = raw.send(behind.server.url, "GET", target, came_by(address))
        assert (answer.status, answer.code) == (400, "invalid_request")
    flood(behind, address)
    for target in targets:
        answer = raw.send(behind.server.url, "GET", target, came_by(address))
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert token.encode() not in answer.body


@AT_ONE_MOMENT
def test_the_answer_says_when_to_come_again(behind: Tenant, address: str) -> None:
    """RFC 6585 section 4, and the RateLimit fields of the draft."""
    flood(behind, address)
    headers = [*GARBAGE["an unknown key"], *came_by(address)]
    answer = raw.send(behind.server.url, "GET", "/api/v1/apikey", headers)
    assert answer.header("retry-after") == "1"
    assert answer.header("ratelimit-policy") == f'"failures";q={BURST};w={BURST}'
    assert answer.header("ratelimit") == '"failures";r=0;t=1'
    assert answer.header("content-type") == "application/problem+json"


@pytest.mark.parametrize("way", WAYS)
def test_a_correct_key_is_never_refused_for_its_address(behind: Tenant, address: str, way: str) -> None:
    """Not after garbage without end from the same address, nor on the same connection's behalf."""
    assert flood(behind, address)[-1] == "rate_limited"
    token = behind.owner.token if way == "management" else behind.token
    assert token is not None
    asked = WAYS[way](behind.server, behind.chatflow["id"], [*ways.bearer(token), *came_by(address)])
    assert asked.status == 200


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_guess_is_answered_as_ever(behind: Tenant, address: str, way: str) -> None:
    """No credential, a key that is disabled, and one that lacks what it needs: never 429."""
    flood(behind, address)
    disabled = make_key(behind.owner)
    behind.owner.post(f"/apikey/{disabled['id']}/disable")
    unbound = behind.server.key("unbound")["apiKey"]
    answers = {"missing_credentials": [], "disabled_key": ways.bearer(disabled["apiKey"])}
    lacking = "permission_missing" if way == "management" else "chatflow_not_allowed"
    for code, headers in {**answers, lacking: ways.bearer(unbound)}.items():
        for _ in range(BURST + 1):
            asked = WAYS[way](behind.server, behind.chatflow["id"], [*headers, *came_by(address)])
            assert asked.code == code


@AT_ONE_MOMENT
def test_what_a_client_writes_into_the_header_moves_it_nowhere(behind: Tenant, address: str) -> None:
    """Only the address counts that the proxy wrote: the rightmost untrusted one."""
    assert flood(behind, address) == WITHIN_AND_BEYOND
    for number in range(BURST):
        forged = f"192.0.2.{number}"
        for addresses in ([forged, address], [forged, "127.0.0.9", address, "127.0.0.1"], ["x", address]):
            headers = [*GARBAGE["an unknown key"], *came_by(*addresses)]
            assert ways.management(behind.server, "", headers).code == "rate_limited"


@AT_ONE_MOMENT
def test_without_a_configured_proxy_the_header_says_nothing(direct: Tenant) -> None:
    """A client that names another address each time is limited by its own; its good key works on."""
    named = [f"192.0.2.{number}" for number in range(BURST + 2)]
    headers = [[*GARBAGE["an unknown key"], *came_by(each)] for each in named]
    assert [ways.management(direct.server, "", each).code for each in headers] == WITHIN_AND_BEYOND
    assert direct.ask() == 200


@AT_ONE_MOMENT
def test_addresses_of_one_ipv6_network_have_one_limit(behind: Tenant) -> None:
    """Whoever has a network of 64 bits has all its addresses; the next network is somebody else's."""
    headers = [
        [*GARBAGE["an unknown key"], *came_by(f"2001:db8:0:1::{number}")] for number in range(BURST + 2)
    ]
    assert [ways.management(behind.server, "", each).code for each in headers] == WITHIN_AND_BEYOND
    assert flood(behind, "2001:db8:0:2::1") == WITHIN_AND_BEYOND


def test_address_headers_turn_no_refusal_into_an_acceptance(behind: Tenant) -> None:
    """CONTRACT section 3: not where a proxy is trusted either, by any address or by all headers at once."""
    unbound = behind.server.key("unbound")["apiKey"]
    named = ["127.0.0.1", "::1", "10.0.0.1", "localhost", "unknown", "", "198.51.100.250, 127.0.0.1"]
    everything = [pair for pair in filled(behind, behind) if pair[0].lower() != b"cookie"]
    for extra in [*(came_by(each) for each in named), everything]:
        for name, way in WAYS.items():
            asked = way(behind.server, behind.chatflow["id"], [*ways.bearer(unbound), *extra])
            assert asked.status == 403, (name, extra)
            asked = way(behind.server, behind.chatflow["id"], extra)
            assert asked.status == 401, (name, extra)


def test_wrong_keys_cost_the_key_s_owner_nothing(behind: Tenant, address: str) -> None:
    """Guesses that share all but the end with a key neither use it nor move a row of it."""
    key = bound_key(behind.owner, behind.chatflow, "guessed")
    token = key["apiKey"]
    guesses = [token[:-1] + letter for letter in ALPHABET[:12] if letter != token[-1]]

    def stored() -> object:
        with behind.server.shell() as connection:
            return connection.execute("SELECT * FROM api_key WHERE id = ?", (key["id"],)).fetchall()

    behind.server.store()
    before = stored()
    for guess in guesses:
        ways.fast_path(behind.server, behind.chatflow["id"], [*ways.bearer(guess), *came_by(address)])
    behind.server.store()
    assert stored() == before
    assert behind.owner.get(f"/apikey/{key['id']}").json()["lastUsedAt"] is None
    good = [*ways.bearer(token), *came_by(address)]
    assert ways.fast_path(behind.server, behind.chatflow["id"], good).status == 200


def test_the_history_of_changes_has_the_client_s_address(behind: Tenant, address: str) -> None:
    """Not the proxy's, and nothing that a client wrote."""
    headers = [*ways.bearer(behind.owner.token or ""), *came_by("192.0.2.66", address)]
    made = raw.send(behind.server.url, "POST", "/api/v1/apikey", headers, json_body={"keyName": "traced"})
    assert made.status == 201
    with behind.server.shell() as connection:
        (found,) = connection.execute("SELECT address FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    assert found == address


@AT_ONE_MOMENT
def test_a_browser_is_shown_a_page(behind: Tenant, address: str) -> None:
    """Whoever keeps opening links with tokens in them reads why, and when to come again."""
    flood(behind, address)
    token = Token.mint().reveal()
    headers = [(b"Accept", b"text/html"), *came_by(address)]
    answer = raw.send(behind.server.url, "GET", f"/keys/{token}", headers)
    assert (answer.status, answer.header("retry-after")) == (429, "1")
    assert (answer.header("content-type") or "").startswith("text/html")
    assert b"Too many" in answer.body
    assert token.encode() not in answer.body
