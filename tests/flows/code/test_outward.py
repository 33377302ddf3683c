"""Calls that code makes: where they may go, what they carry, and how many there may be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.flows.code.outward import OutwardCalls
from flowkeys.flows.code.wire import Answer, Request
from flowkeys.flows.limits import Limits
from flowkeys.flows.settings import FlowSettings


@asynccontextmanager
async def upstream(*answers: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives these answers, one a connection; yield its base URL and what it is asked."""
    asked: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (line[16:] for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), b"0"
        )
        asked.append((head + await reader.readexactly(int(length))).decode())
        writer.write(answers[len(asked) - 1].encode())
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


def reply(body: str, status: str = "200 OK", *headers: str) -> str:
    """Return an answer's bytes."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", body])


async def asked_of(calls: OutwardCalls, url: str, method: str = "GET", **headers: str) -> Answer:
    """Make one call of one run."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(1, 1, url, method, named, "b" if method == "POST" else None, True)
    return await calls.of_run(Limits(FlowSettings())).call(request)


async def test_only_public_addresses_and_listed_ones_are_called() -> None:
    """Loopback, private networks, other schemes and odd spellings are refused, redirects to them, too."""
    async with upstream(reply("", "302 Found", "Location: http://127.0.0.1:1/"), reply("ok")) as (
        base,
        asked,
    ):
        calls = OutwardCalls(FlowSettings(allowed_endpoints=(base,)))
        try:
            for url in (
                "http://127.0.0.1:1/", "http://localhost/", "http://10.0.0.1/", "http://169.254.169.254/latest",
                "http://[::1]/", "http://0x7f.1/", "http://user:pw@example.com/", "file:///etc/passwd",
                "nonsense",
            ):  # fmt: skip
                assert isinstance((await asked_of(calls, url)).error, str), url
            assert asked == []
            refused = await asked_of(calls, f"{base}/there")
            assert "denied by policy" in str(refused.error)
            found = await asked_of(
                calls, f"{base}/there?q=1", "POST", authorization="Bearer x", host="evil", a="b"
            )
            assert (found.status, found.body) == (200, "ok")
        finally:
            await calls.aclose()
    assert asked[1].startswith("POST /there?q=1 HTTP/1.1\r\n")
    assert asked[1].endswith("\r\n\r\nb")
    assert "authorization: Bearer x" in asked[1]
    assert "evil" not in asked[1]


async def test_credentials_stay_with_their_origin_and_headers_are_headers() -> None:
    """A redirect to another listed origin is followed without them; a line break in a header is refused."""
    async with (
        upstream(reply("moved on")) as (other, elsewhere),
        upstream(reply("", "303 See Other", f"Location: {other}/next")) as (base, _),
    ):
        calls = OutwardCalls(FlowSettings(allowed_endpoints=(base, other)))
        try:
            found = await asked_of(calls, f"{base}/", "POST", authorization="Bearer x", cookie="c", b="kept")
            assert (found.body, found.redirected, found.url) == ("moved on", True, f"{other}/next")
            broken = await asked_of(calls, f"{base}/", x="a\r\ny: b")
            assert "cannot be sent" in str(broken.error)
        finally:
            await calls.aclose()
    (request,) = elsewhere
    assert request.startswith("GET /next HTTP/1.1")
    assert "b: kept" in request
    assert "authorization" not in request
    assert "cookie" not in request


async def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    """Although the server may be silent for longer than that between any two bytes."""

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n.")
        with suppress(OSError):
            await reader.read()
        writer.close()
        left.set()

    left = asyncio.Event()
    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    calls = OutwardCalls(FlowSettings(allowed_endpoints=(base,), whole_answer_timeout_seconds=0.2))
    try:
        async with asyncio.timeout(20):
            found = await asked_of(calls, base)
            await left.wait()
    finally:
        await calls.aclose()
        server.close()
    assert "not there after 0.2 seconds" in str(found.error)


async def test_a_run_may_call_out_so_often() -> None:
    """The next call is refused in words; another run of code has calls of its own, of those of the run."""
    calls, limits = OutwardCalls(FlowSettings(code_calls=1)), Limits(FlowSettings(run_calls=2))
    run, request = calls.of_run(limits), Request(1, 1, "http://127.0.0.1:1/", "GET", {}, None, True)
    assert "denied" in str((await run.call(request)).error)
    assert "more often than the 1 times" in str((await run.call(request)).error)
    other = calls.of_run(limits)
    assert "denied" in str((await other.call(request)).error)
    for made in (run, other):
        made.check()
    third = calls.of_run(limits)
    assert "FLOWKEYS_RUN_CALLS" in str((await third.call(request)).error)
    with pytest.raises(RunLimitExceeded):  # whatever the code made of it
        third.check()
    await calls.aclose()
