"""What is tried again, and what is never done twice."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

import flowkeys
from tests.client.conftest import Sdk
from tests.client.scripted import Scripted, Silent
from tests.client.test_keys import KEY

Use = Callable[[Any], Any]

REPEATABLE: dict[str, Use] = {
    "get": lambda c: c.keys.get("k1"),
    "update": lambda c: c.keys.update("k1", note="x"),
    "revoke": lambda c: c.keys.revoke("k1"),
    "revoke_many": lambda c: c.keys.revoke_many(["k1"]),
    "disable": lambda c: c.keys.disable("k1"),
    "verify": lambda c: c.keys.verify("fl-x"),
    "explain": lambda c: c.keys.explain("fl-x"),
}
ONCE: dict[str, Use] = {
    "create": lambda c: c.keys.create("x"),
    "predict": lambda c: c.predict("c1", "Hi"),
    "upload": lambda c: c.collections.upload("d1", [("a.md", b"a")]),
    "stream": lambda c: c.stream("c1", "Hi"),
}
ANSWER = KEY | {"affected": 1, "unchanged": 0, "valid": True, "added": 1, "code": "valid", "steps": []}
PROBLEM = {"code": "x", "detail": "Not now."}


def each(uses: dict[str, Use]) -> Any:
    """Run a test with each of these calls."""
    return pytest.mark.parametrize("use", uses.values(), ids=uses.keys())


@pytest.fixture
def closed_port() -> str:
    """The address of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


class TestCallsThatMayBeRepeated:
    @each(REPEATABLE)
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    async def test_are_tried_again_after_a_passing_failure(
        self, sdk: Sdk, server: Scripted, use: Use, status: int
    ) -> None:
        """Twice unless told otherwise; the caller sees only the success."""
        server.answers(PROBLEM, status=status)
        server.answers(PROBLEM, status=status)
        server.answers(ANSWER)
        assert await sdk(use)
        assert len(server.requests) == 3

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500])
    async def test_are_not_tried_again_when_that_would_change_nothing(
        self, sdk: Sdk, server: Scripted, status: int
    ) -> None:
        """A refusal stays one, and a 500 is a bug."""
        server.answers(PROBLEM, status=status)
        with pytest.raises(flowkeys.FlowkeysApiError):
            await sdk(REPEATABLE["get"])
        assert len(server.requests) == 1

    @each(REPEATABLE)
    async def test_are_tried_again_when_the_connection_breaks(self, sdk: Sdk, use: Use) -> None:
        """They leave the same behind, done once or twice; in the end the failure is told."""
        with Silent() as silent, pytest.raises(flowkeys.ConnectionFailed, match="broke off"):
            await sdk(use, base_url=silent.url)
        assert silent.connections == 3

    async def test_are_not_tried_for_ever(self, sdk: Sdk, server: Scripted, waits: list[float]) -> None:
        """`max_retries` bounds the attempts; the waits grow, and are spread out."""
        for _ in range(4):
            server.answers(PROBLEM, status=503)
        with pytest.raises(flowkeys.Unavailable):
            await sdk(REPEATABLE["get"], max_retries=3)
        assert len(server.requests) == 4
        for wait, most in zip(waits, [0.25, 0.5, 1.0], strict=True):
            assert most / 2 <= wait <= most

    async def test_can_be_left_to_the_caller(self, sdk: Sdk, server: Scripted) -> None:
        """``max_retries=0`` tries nothing again."""
        server.answers(PROBLEM, status=503)
        with pytest.raises(flowkeys.Unavailable):
            await sdk(REPEATABLE["get"], max_retries=0)
        assert len(server.requests) == 1


class TestCallsThatMustHappenOnce:
    @each(ONCE)
    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    async def test_are_not_repeated_when_the_server_may_have_begun(
        self, sdk: Sdk, server: Scripted, use: Use, status: int
    ) -> None:
        """Without a word about when to come back, a failure may have come after the deed."""
        server.answers(PROBLEM, status=status)
        with pytest.raises(flowkeys.FlowkeysApiError):
            await sdk(use)
        assert len(server.requests) == 1

    @each(ONCE)
    async def test_are_not_repeated_when_the_connection_breaks(self, sdk: Sdk, use: Use) -> None:
        """Two keys, two answers or two copies of a file would be worse than an error, which says so."""
        with Silent() as silent, pytest.raises(flowkeys.ConnectionFailed, match="not known whether"):
            await sdk(use, base_url=silent.url)
        assert silent.connections == 1

    @each(ONCE)
    @pytest.mark.parametrize("status", [502, 503, 504])
    async def test_are_not_repeated_even_if_the_server_says_when(
        self, sdk: Sdk, server: Scripted, use: Use, status: int
    ) -> None:
        """A flow may have run before its messages could not be stored: that is for the caller to judge."""
        server.answers(PROBLEM, status=status, headers={"retry-after": "1"})
        with pytest.raises(flowkeys.ServerError) as caught:
            await sdk(use)
        assert caught.value.retry_after == 1.0
        assert len(server.requests) == 1

    async def test_are_repeated_when_a_limit_says_when(
        self, sdk: Sdk, server: Scripted, waits: list[float]
    ) -> None:
        """A limit is checked before anything is done; its Retry-After is waited for."""
        server.answers(PROBLEM, status=429, headers={"retry-after": "4"})
        server.answers(ANSWER, status=201)
        await sdk(ONCE["create"])
        assert len(server.requests) == 2
        assert 4.0 <= waits[0] <= 4.25
        assert server.requests[0].body == server.requests[1].body

    async def test_an_upload_is_sent_whole_again(self, sdk: Sdk, server: Scripted) -> None:
        """A repeated upload holds the files, not what was left of them."""
        server.answers(PROBLEM, status=429, headers={"retry-after": "0"})
        server.answers(ANSWER, status=201)
        await sdk(ONCE["upload"])
        assert all(b"\r\n\r\na\r\n" in request.body for request in server.requests)

    @each(ONCE)
    async def test_are_repeated_when_there_was_no_connection(
        self, sdk: Sdk, closed_port: str, waits: list[float], use: Use
    ) -> None:
        """Nothing can have happened where nobody was reached."""
        with pytest.raises(flowkeys.ConnectionFailed, match="cannot be reached"):
            await sdk(use, base_url=closed_port)
        assert len(waits) == 2


async def test_a_long_wait_is_left_to_the_caller(sdk: Sdk, server: Scripted, waits: list[float]) -> None:
    """A quota that returns in an hour is an error now, with `retry_after`."""
    server.answers({"code": "quota_exceeded"}, status=429, headers={"retry-after": "3600"})
    with pytest.raises(flowkeys.RateLimited) as caught:
        await sdk(REPEATABLE["get"])
    assert (caught.value.retry_after, waits) == (3600.0, [])


async def test_a_body_that_breaks_off_is_no_result(sdk: Sdk, server: Scripted) -> None:
    """Half a list is tried again rather than returned."""
    server.answers(chunks=[b'[{"id": '], then="cut")
    server.answers([])
    assert await sdk(lambda c: c.keys.list()) == []
    assert len(server.requests) == 2
