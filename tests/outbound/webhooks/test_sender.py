"""One call to a webhook's address: never elsewhere, never for ever; of an answer its status alone."""

import socket
from contextlib import suppress
from ipaddress import IPv4Address, ip_address

import pytest

from flowkeys.outbound import connecting
from flowkeys.outbound.endpoints import Endpoints
from flowkeys.outbound.webhooks import sender as senders
from flowkeys.outbound.webhooks.sender import HttpSender, read_target
from tests.support.receiver import Received, Receiver, answering, receiving

BODY = b'{"type":"webhook.test"}'


def listed(receiver: Receiver, **members) -> HttpSender:
    """Return a sender whose operator listed the receiver."""
    return HttpSender(Endpoints([f"http://127.0.0.1:{receiver.port}"]), **members)


async def test_success_is_2xx_and_everything_else_is_told() -> None:
    """Each status is what it is; a body of any kind changes nothing."""
    with receiving() as receiver:
        sender = listed(receiver)
        for answer, code, failure in (
            (answering(200), 200, None),
            (answering(202), 202, None),
            (b"HTTP/1.1 200 OK\r\n\r\nuntil it is closed", 200, None),
            (answering(304), 304, "it answered 304: redirects are not followed."),
            (answering(404), 404, "it answered 404."),
            (answering(410), 410, "it answered 410: nothing more is sent to it."),
            (b"nonsense\r\n\r\n", None, "it answered something that is not HTTP."),
            (b"", None, "it closed the connection without an answer."),
        ):
            receiver.answer = answer
            found = await sender.send(receiver.url, [("webhook-id", "x")], BODY)
            assert (found.code, found.failure) == (code, failure)
        assert {one.body for one in receiver.received} == {BODY}
        receiver.answer = answering(429, "Retry-After: 120")
        assert (await sender.send(receiver.url, [], BODY)).retry_after_seconds == 120


async def test_what_does_not_answer_is_cut_off_in_time() -> None:
    """Silence, and a head that never ends, cost a try and no more; a status that was heard counts."""
    with receiving() as receiver:

        def silent(message: Received, connection: socket.socket) -> None:
            """Wait until the sender leaves."""
            del message
            connection.recv(1)

        def begun(message: Received, connection: socket.socket) -> None:
            """Accept, and never come to the end of it."""
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome of it")
            silent(message, connection)

        sender = listed(receiver, whole_seconds=0.3)
        receiver.answer = silent
        found = await sender.send(receiver.url, [], BODY)
        assert (found.code, found.failure) == (None, "it did not answer within 0.3 seconds.")
        receiver.answer = begun
        sender = listed(receiver, whole_seconds=3)  # enough for a status to come on any machine
        assert (await sender.send(receiver.url, [], BODY)).code == 200


async def test_an_endless_answer_is_read_no_further_than_its_bound() -> None:
    """A body that never ends is left; its status counts."""
    sent = []
    with receiving() as receiver:

        def endless(message: Received, connection: socket.socket) -> None:
            """Send until the sender has gone."""
            del message
            with suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    connection.sendall(b"x" * 10_000)
                    sent.append(10_000)

        receiver.answer = endless
        assert (await listed(receiver).send(receiver.url, [], BODY)).code == 200


async def test_private_addresses_are_refused_by_number_and_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once, and each of its addresses has to be public; nothing is connected to."""
    asked = []

    async def resolver(host: str, port: int) -> list:
        asked.append((host, port))
        return [ip_address(address) for address in answers[-1]]

    async def never(*_args, **_kwargs) -> None:
        raise AssertionError("a connection was begun")

    monkeypatch.setattr(connecting, "start_connection", never)
    sender = HttpSender(Endpoints(()), resolver=resolver)
    answers: list[list[str]] = []
    for addresses in (
        ["127.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        ["::ffff:192.168.0.1"],
        ["169.254.169.254"],
    ):
        answers.append(addresses)
        found = await sender.send("https://hooks.example.com/x", [], BODY)
        assert found.failure == "its name leads to an address that is not public."
    assert asked == [("hooks.example.com", 443)] * 4
    found = await sender.send(f"https://{IPv4Address('10.0.0.1')}/x", [], BODY)
    assert "not a public address" in str(found.failure)


async def test_nobody_there_is_a_failure_in_words() -> None:
    """A port where nobody listens."""
    with receiving() as receiver:
        sender, url = listed(receiver), receiver.url
    found = await sender.send(url, [], BODY)
    assert found.code is None
    assert str(found.failure).startswith("it could not be reached: ")


def test_the_target_is_sent_as_it_was_written() -> None:
    """Path and query stay; what a request line cannot hold is escaped."""
    for url, path in (
        ("https://example.com", "/"),
        ("https://example.com/", "/"),
        ("https://example.com/a/?b=c&d=%20", "/a/?b=c&d=%20"),
        ("https://example.com/grüße?ä=1", "/gr%C3%BC%C3%9Fe?%C3%A4=1"),
        ("https://example.com?x=1", "/?x=1"),
    ):
        target = read_target(url)
        assert not isinstance(target, str)
        assert target.path == path
    for url in ("https://example.com/a\r\nHost: b", "https://example.com/?a b", "https://example.com/#x"):
        assert isinstance(read_target(url), str)


def test_a_try_ends_before_its_claim_does() -> None:
    """Else a slow receiver would get the same message twice at once."""
    from flowkeys.service.webhooks.outbox import LEASE_SECONDS

    assert senders.WHOLE_SECONDS < LEASE_SECONDS
