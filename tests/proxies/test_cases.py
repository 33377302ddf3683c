"""The table of tests/verification through each proxy, and what a proxy answers otherwise."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.proxies.conftest import World
from tests.proxies.programs import KINDS, Proxy
from tests.proxies.test_other_questions import ADDRESS, rows
from tests.proxies.wire import Answer, call
from tests.verification.case import FORWARD, Case
from tests.verification.case import World as Named
from tests.verification.cases import FORWARD_AUTH, IDENTITY

Outcome = tuple[int, str | None]

TOO_LONG: Final = (
    "60,000 characters",
    "a header of 1 MB",
    "a token of 1 MB",
    "70,000 bytes in ten headers",
)
TOO_MANY: Final = ("150 more headers", "250 more headers")
TWICE: Final = ("the same header twice", "two, the second empty", "two, the first Basic", "three")

OTHERWISE: Final[dict[str, dict[str, Outcome]]] = {
    # Takes 32 KiB of headers, one Authorization, and no TRACE.
    "nginx": {
        **dict.fromkeys((*TOO_LONG, *TWICE), (400, None)),
        **dict.fromkeys(("TRACE", "TRACE refused"), (405, None)),
    },
    # Takes less than 60,000 bytes of headers.
    "caddy": dict.fromkeys(TOO_LONG, (431, None)),
    # Takes 16 KiB and 101 lines of headers.
    "haproxy": dict.fromkeys((*TOO_LONG, *TOO_MANY), (400, None)),
    # Takes 60 KiB and 100 lines of headers, and drops an empty Authorization beside a good one.
    "envoy": {
        **dict.fromkeys((*TOO_LONG[1:], *TOO_MANY), (431, None)),
        "two, the second empty": (200, None),
    },
}
"""What a proxy does itself, by the name of the case. It refuses, but for the last one: the credential that is
not empty is good."""

PASSES_QUERY: Final = {"caddy", "older envoy"}
PASSES_PATH: Final = {"older envoy"}


def can_send(kind: str, case: Case) -> bool:
    """Tell whether a client can bring a case about: it chooses headers and method, in places more."""
    behind = case.target.removeprefix(FORWARD)
    if behind in {b"", b"/x"}:
        return kind != "older envoy"  # which does with headers what the newer does
    if b"mode=nginx" in behind:
        return False
    if behind.startswith(b"?"):
        return kind in PASSES_QUERY
    return behind.startswith(b"/") and kind in PASSES_PATH


def send(proxy: Proxy, case: Case) -> Answer:
    """Send a case to the application."""
    behind = case.target.removeprefix(FORWARD)
    target = behind if behind.startswith(b"/") else b"/" + behind
    lines = [name + b": " + value for name, value in case.lines]
    return call(proxy.port, target, *lines, method=case.method, body=case.body or b"")


def outcome(case: Case, answer: Answer) -> Outcome:
    """Return status and code of an answer; "identity" when the application was told another."""
    if case.method == "HEAD":
        return answer.status, case.code  # which has no body to read it from
    if answer.status == 200 and case.code is None:
        told = {name: [] for name, _ in IDENTITY}
        for name, value in answer.json["headers"]:
            told.setdefault(name, []).append(value)
        expected = {name: value for name, value in case.headers if name in told}
        # Who is of no customer has an empty header, which some proxies leave out.
        wrong = [name for name, value in expected.items() if told[name] != [value] and (told[name] or value)]
        if "authorization" in told or wrong:
            return 200, "identity"
    return answer.status, answer.code


@pytest.fixture(scope="module")
def named(world: World) -> Named:
    """Return what the cases name, made once behind all proxies."""
    return Named(world.flowkeys)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_proxy_answers_as_flowkeys_does(
    kind: str, world: World, named: Named, launch: Callable[..., Proxy]
) -> None:
    """Status, code and identity are the table's, but for what the proxy refuses itself."""
    asks = ADDRESS + ("?mode=nginx" if kind == "nginx" else "")
    proxy = launch(kind, world.values(), {rows()[kind][0]: asks})
    cases = [named.filled(case) for case in FORWARD_AUTH if can_send(kind, case)]
    expected = {case.name: (case.status, case.code) for case in cases}
    expected |= {f"forward-auth: {name}": found for name, found in OTHERWISE.get(kind, {}).items()}
    assert {case.name: outcome(case, send(proxy, case)) for case in cases} == expected
    assert len(cases) > 60
