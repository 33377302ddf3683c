"""Calls over TLS: the server has to show that it is the one that was meant."""

import asyncio
import ssl
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.settings import FlowSettings, ModelCredential
from flowkeys.outbound import connecting, tls
from flowkeys.outbound.http.connection import Connection
from flowkeys.outbound.http.pool import Origin, Pool
from tests.flows.support import call, chain, engine, node
from tests.flows.support import chatflow as made_of
from tests.proxies.plain import certify
from tests.support.raw_model import ANSWER, RawModel, serving, whole
from tests.support.waiting import patience

NOT_ACCEPTED = "LLM: the model's endpoint could not be reached: its TLS certificate was not accepted."


async def ask(raw: RawModel, host: str = "localhost", **more: Any) -> str:
    """Ask a model at this name twice, and return what it says; `more` are settings."""
    base = f"https://{host}:{raw.port}/v1"
    config = {"modelName": "m", "credential": "main"}
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": False}
    made = engine(FlowSettings(credentials=(ModelCredential("main", base, "key"),), **more))
    flow = made.compile(made_of(chain(node("llmAgentflow_0", inputs, "LLM"))))

    async def emit(_event: object) -> None:
        pass

    try:
        await flow.run(call("hi", streamed=False), emit)
        return (await flow.run(call("hi", streamed=False), emit)).text
    finally:
        await made.aclose()


async def test_a_server_is_believed_by_its_certificate_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name and by address, over a connection that is used again; no other word or name counts."""
    certify(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "both.pem")
    async with serving(server) as raw:
        raw.says(whole(ANSWER))
        with pytest.raises(UpstreamFailed) as caught:
            await ask(raw)
        assert str(caught.value) == NOT_ACCEPTED
        trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        monkeypatch.setattr(tls, "context", lambda: trusting)
        assert [await ask(raw), await ask(raw, "127.0.0.1")] == ["Hello", "Hello"]
        assert [sent.connection for sent in raw.sent] == [1, 1, 2, 2]
        monkeypatch.setattr(connecting, "is_public", lambda _address: True)
        pool = Pool(trusting, here)
        for name in ("models.example", "127.0.0.2"):  # the certificate has localhost and 127.0.0.1
            with pytest.raises(ssl.SSLCertVerificationError):
                await pool.open(Origin(name, raw.port, is_tls=True), 10)
        await pool.open(Origin("localhost", raw.port, is_tls=True), 10)
        await pool.aclose()
    assert len(raw.sent) == 4


class Given(Connection):
    """A connection whose caller gives it up, when it is made or when it is there."""

    given_up_when = ""
    caller: asyncio.Task[Any]

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop(), lambda _: None)
        self._leave("made")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and be given up."""
        super().connection_made(transport)
        self._leave("there")

    def _leave(self, when: str) -> None:
        if when == self.given_up_when:
            self.caller.cancel()


async def test_a_connection_that_is_given_up_does_not_take_the_next_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is closed by the event loop: the next one would get the number that is still read."""
    certify(tmp_path)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(tmp_path / "both.pem")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    for context in (server, None):
        async with serving(context) as raw, patience("connections"):
            raw.says(whole(b"Hello"))
            pool = Pool(trusting, None)
            for when in ("made", "there"):
                monkeypatch.setattr(Given, "given_up_when", when)
                asked = connecting.connect(Given, "127.0.0.1", raw.port, context and trusting, None)
                Given.caller = asyncio.ensure_future(asked)
                with suppress(asyncio.CancelledError):  # it may have been there in the same moment
                    (await Given.caller).close()
                opened = await pool.open(Origin("127.0.0.1", raw.port, is_tls=context is not None), 10)
                opened.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
                await opened.head(10)
                assert await opened.read(10) == b"Hello"
            await pool.aclose()


async def here(_host: str, _port: int) -> list[IPv4Address | IPv6Address]:
    """Resolve any name to this machine."""
    return [ip_address("127.0.0.1")]


async def test_a_server_without_tls_is_not_asked_over_https() -> None:
    """And the key is not sent to it."""
    async with serving() as raw:
        with pytest.raises(UpstreamFailed) as caught:
            await ask(raw, connect_timeout_seconds=0.2)  # each waits for the other
        assert raw.sent == []
    assert "could not be reached" in str(caught.value)
