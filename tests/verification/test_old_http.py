"""Clients of HTTP/1.0, which know no chunks: the answer as it is, ended by the connection's end."""

import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from flowkeys.web.hot import FastPath
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running
from tests.verification.serving import BOTH, Serve, hot_of
from tests.verification.wire import get, post

Head = tuple[bytes, list[bytes]]


class Said:
    """An application that answers as it was told to."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces = [b"first ", b"", b"second"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


def exchange(url: str, call: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Send a call, read until the connection ends, and return status line, header lines and the rest."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), 15) as wire:
        wire.sendall(call)
        with wire.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    status, *lines = head.lower().split(b"\r\n")
    return status, lines, body


def of(version: str, call: bytes) -> bytes:
    """Return a call in another version of HTTP."""
    return call.replace(b" HTTP/1.1\r\n", f" HTTP/{version}\r\n".encode(), 1)


@BOTH
@pytest.mark.parametrize("version", ["1.0", "0.9"])
def test_an_answer_of_unknown_length_has_no_chunks(
    http: Any, version: str, server: Running, serve: Serve
) -> None:
    """RFC 9112 section 6.1, whatever the application says of it, and also when the client would go on."""
    said = Said()
    url = serve(FastPath(said, hot_of(server)), http=http).url
    chunked = (b"Transfer-Encoding", b"chunked")
    for headers, sent in (([], ()), ([chunked], ()), ([], ("Connection: keep-alive",))):
        said.headers = headers
        for call in (get("/x", *sent), post("/x", b"{}", *sent)):
            status, lines, body = exchange(url, of(version, call))
            assert status == b"http/1.1 200 ok"
            assert body == b"first second"
            assert b"connection: close" in lines
            assert not [line for line in lines if line.startswith((b"transfer-", b"content-length"))]


@BOTH
def test_other_answers_are_as_they_are_to_anybody(http: Any, server: Running, serve: Serve) -> None:
    """One with a length, one without a body, and one to HEAD; and HTTP/1.1 still has chunks."""
    said = Said()
    url = serve(FastPath(said, hot_of(server)), http=http).url
    chunks = b"6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n"
    assert exchange(url, get("/x", "Connection: close"))[2] == chunks
    said.headers = [(b"content-length", b"12")]
    _, lines, body = exchange(url, of("1.0", get("/x")))
    assert (body, b"content-length: 12" in lines) == (b"first second", True)
    assert exchange(url, of("1.0", get("/x", method="HEAD")))[2] == b""
    said.headers, said.pieces = [], []
    assert exchange(url, of("1.0", get("/x")))[2] == b""
    said.status = 204
    assert exchange(url, of("1.0", get("/x")))[::2] == (b"http/1.1 204 no content", b"")


def test_streams_of_the_api_have_no_chunks(
    server: Running, owner: Api, start: Callable[..., Running]
) -> None:
    """The feed of changes and a streamed prediction, in the connection and behind ASGI."""
    key = bound_key(owner, make_chatflow(owner))
    flow = key["chatFlows"][0]["id"]
    other = start(http="asgi")
    token = other.key("owner", ("*",))["apiKey"]
    calls = [
        (server.url, get("/api/v1/changes?follow=false", f"Authorization: Bearer {owner.token}")),
        (other.url, get("/api/v1/changes?follow=false", f"Authorization: Bearer {token}")),
        (
            server.url,
            post(
                f"/api/v1/prediction/{flow}",
                b'{"question":"Hello","streaming":true}',
                f"Authorization: Bearer {key['apiKey']}",
            ),
        ),
    ]
    for url, call in calls:
        _, lines, body = exchange(url, of("1.0", call))
        assert b"content-type: text/event-stream" in [line.partition(b";")[0] for line in lines]
        assert not [line for line in lines if line.startswith(b"transfer-encoding")]
        assert body.startswith((b"message:\ndata:{", b"event: ", b": ")), body[:50]
