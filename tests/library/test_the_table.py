"""The one table of verification (tests/verification) through the library, beside the server's answers."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from flowkeys.asgi import KeyMiddleware
from flowkeys.verify import Verifier
from flowkeys.web.hot.target import read
from tests.conformance import raw
from tests.support.databases import ON_POSTGRES
from tests.support.flows import make_key
from tests.support.server import Running
from tests.verification.case import Case, World
from tests.verification.cases import FORWARD_AUTH


class Said(NamedTuple):
    """A refusal, or None in each place."""

    status: int
    code: str | None
    challenge: str | None


Way = Callable[[Case, str | None, tuple[str, ...]], Said]


def is_expressible(case: Case) -> bool:
    """Tell whether a case is about a credential and what it is good for.

    The rest is about URLs, about how many headers a server reads, and about nginx, which knows two statuses.
    """
    asked = read(case.target)
    plain = asked is not None and asked.malformed is asked.never is None and not asked.nginx
    in_url = b"<good>" in case.target or b"<token_encoded>" in case.target
    return plain and not in_url and case.code != "headers_too_large"


CASES = [case for case in FORWARD_AUTH if is_expressible(case)]


@pytest.fixture(scope="module")
def world(running: Running) -> World:
    """Keys and chatflows for the cases."""
    return World(running)


@pytest.fixture(scope="module")
def ways(running: Running) -> Iterator[dict[str, Way]]:
    """The ways through the library, over the same keys; a local one needs the file of SQLite."""
    own = make_key(running.owner(), permissions=["apikeys:view"])["apiKey"]
    with ExitStack() as open_ones:
        remote = open_ones.enter_context(Verifier.remote(running.url, own))
        found: dict[str, Way] = {"remote": lambda *case: by_call(remote, *case)}
        guard = remote
        if not ON_POSTGRES:
            local = guard = open_ones.enter_context(Verifier.local(running.data_dir))
            found["local"] = lambda *case: by_call(local, *case)
        found["middleware"] = lambda *case: through_middleware(guard, *case)
        yield found


def by_call(verifier: Verifier, case: Case, chatflow_id: str | None, permissions: tuple[str, ...]) -> Said:
    """Ask a verifier, waiting and not: both say the same."""
    wanted: dict[str, Any] = {
        "headers": case.lines,
        "chatflow_id": chatflow_id,
        "permissions": permissions,
        "address": "127.0.0.1",
    }
    found, awaited = verifier.verify(**wanted), asyncio.run(verifier.averify(**wanted))
    said = [
        Said(200, None, None) if each.allowed else Said(each.status, each.code, each.www_authenticate)
        for each in (found, awaited)
    ]
    assert said[0] == said[1]
    return said[0]


def through_middleware(
    verifier: Verifier, case: Case, chatflow_id: str | None, permissions: tuple[str, ...]
) -> Said:
    """Send the request through the ASGI middleware, its header names as servers give them."""
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(name.lower(), value) for name, value in case.lines]
    scope = {
        "type": "http",
        "method": case.method,
        "path": "/",
        "headers": headers,
        "client": ("127.0.0.1", 1),
    }
    guarded = KeyMiddleware(app, verifier, permission=permissions, chatflow_id=chatflow_id)
    asyncio.run(guarded(scope, None, send))
    challenge = dict(sent[0]["headers"]).get(b"www-authenticate", b"").decode() or None
    return Said(sent[0]["status"], json.loads(sent[1]["body"]).get("code"), challenge)


def test_most_of_the_table_can_be_asked() -> None:
    """What is left out is named above, and is not most of it."""
    assert len(CASES) > 100


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_library_answers_as_the_server(
    case: Case, running: Running, world: World, ways: dict[str, Way]
) -> None:
    """Status, code and challenge, on every way through the library and by forward-auth."""
    case = world.filled(case)
    answer = raw.send(running.url, case.method, case.target, case.lines, case.body)
    code = case.code if case.method == "HEAD" else answer.code
    expected = Said(answer.status, code, answer.header("www-authenticate"))
    assert (expected.status, expected.code) == (case.status, case.code)
    asked = read(case.target).request
    for name, way in ways.items():
        assert way(case, asked.chatflow_id, asked.permissions) == expected, name
