"""Hypothesis over the ``Authorization`` header, byte by byte over a socket."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowkeys.domain.keys.bearer import parse_authorization
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.keys.token import Token, checksum
from tests.conformance import raw
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running
from tests.support.sweeps import examples

CALM = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WHITE = b" \t"


@pytest.fixture(scope="module")
def opened(server: Running, owner: Api) -> tuple[str, bytes, bytes]:
    """Return the server's address, the request line of a prediction, and the token that opens it."""
    chatflow = make_chatflow(owner)
    line = f"POST /api/v1/prediction/{chatflow['id']} HTTP/1.1".encode()
    return server.url, line, bound_key(owner, chatflow)["apiKey"].encode()


def call(opened: tuple[str, bytes, bytes], *headers: bytes) -> raw.Answer:
    """Ask the chatflow with header lines as they are given."""
    url, line, _ = opened
    body = b'{"question":"Hello"}'
    head = [line, b"Host: x", b"Connection: close", b"Content-Length: %d" % len(body), *headers]
    return raw.exchange(url, b"\r\n".join(head) + b"\r\n\r\n" + body)


def is_good(value: bytes, token: bytes) -> bool:
    """Tell, by RFC 6750 and RFC 9110 and not by our parser, whether a header's value carries the token."""
    return re.fullmatch(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +" + re.escape(token), value.strip(WHITE)) is not None


def judge(answer: raw.Answer, *, good: bool) -> None:
    """Assert that the answer is right, and that every refusal is one of ours."""
    if good:
        assert answer.status == 200
        return
    assert answer.status in {400, 401}, answer
    if answer.code is not None:
        assert answer.code in {"invalid_request", "unknown_key", "missing_credentials"}


line_bytes = st.binary(max_size=80).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b""))
scheme = st.one_of(
    st.sampled_from(
        [b"Bearer", b"bearer", b"BEARER", b"bEARER", b"Basic", b"Token", b"", b"Bearer:", b"\xefBearer"]
    ),
    line_bytes,
)
separator = st.one_of(
    st.sampled_from(
        [b" ", b"  ", b"\t", b" \t", b"", b",", b"=", b"\xa0", b"\x0b", b"\x00", b"\xc2\xa0", b"\x1f"]
    ),
    st.binary(min_size=1, max_size=3).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")),
)


@st.composite
def credentials(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw what is made of a good token: it itself, a part of it, or with something done to it."""
    kind = draw(st.sampled_from(["same", "cut", "flip", "insert", "twice", "wrapped", "case", "other"]))
    position = draw(st.integers(0, 34))
    byte = draw(st.binary(min_size=1, max_size=2).map(lambda d: d.replace(b"\r", b"x").replace(b"\n", b"x")))
    other = draw(line_bytes)

    def make(token: bytes) -> bytes:
        return {
            "same": token,
            "cut": token[:position],
            "flip": token[:position] + byte + token[position + 1 :],
            "insert": token[:position] + byte + token[position:],
            "twice": token + byte + token,
            "wrapped": byte + token + byte,
            "case": token.swapcase(),
            "other": other,
        }[kind]

    return make


@st.composite
def headers(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw a header with at most two odd parts, so that a loose reading of any one of them shows."""
    odd = draw(st.one_of(st.sets(st.integers(0, 4), max_size=2), st.integers(0, 4).map(lambda part: {part})))
    drawn = [draw(line_bytes), draw(scheme), draw(separator), draw(credentials()), draw(line_bytes)]

    def make(token: bytes) -> bytes:
        good = (b"", b"Bearer", b" ", token, b"")
        parts = (*drawn[:3], drawn[3](token), drawn[4])
        return b"".join(parts[part] if part in odd else good[part] for part in range(5))

    return make


@settings(CALM, max_examples=examples(300))
@given(make=headers())
def test_exactly_the_credential_of_the_rfc_is_accepted(opened: tuple, make: Callable[[bytes], bytes]) -> None:
    """RFC 6750: one scheme, spaces, one token. All else is 400 or 401, whatever bytes it is made of."""
    value = make(opened[2])
    judge(call(opened, b"Authorization: " + value), good=is_good(value, opened[2]))


@settings(CALM, max_examples=examples(300))
@given(value=line_bytes)
def test_no_bytes_are_a_credential_by_chance(opened: tuple, value: bytes) -> None:
    """Arbitrary bytes never open anything and never break anything."""
    judge(call(opened, b"Authorization: " + value), good=is_good(value, opened[2]))


@settings(CALM, max_examples=examples(200))
@given(
    values=st.lists(st.one_of(line_bytes, st.just(b"Bearer {token}")), min_size=2, max_size=4),
    names=st.lists(
        st.sampled_from([b"Authorization", b"authorization", b"AUTHORIZATION"]), min_size=4, max_size=4
    ),
)
def test_several_headers_are_never_accepted(opened: tuple, values: list[bytes], names: list[bytes]) -> None:
    """Of two credentials none is chosen."""
    lines = [
        name + b": " + value.replace(b"{token}", opened[2])
        for name, value in zip(names, values, strict=False)
    ]
    judge(call(opened, *lines), good=False)


@settings(CALM, max_examples=examples(200))
@given(noise=st.lists(st.binary(max_size=40), min_size=1, max_size=4), position=st.integers(0, 3))
def test_noise_around_a_good_header_never_breaks_the_server(
    opened: tuple, noise: list[bytes], position: int
) -> None:
    """Whatever lines stand beside it, the answer is 200 or a refusal, and the next call works."""
    lines = list(noise)
    lines.insert(position % (len(lines) + 1), b"Authorization: Bearer " + opened[2])
    assert call(opened, *lines).status in {0, 200, 400, 401, 404, 405, 413, 431}
    assert call(opened, b"Authorization: Bearer " + opened[2]).status == 200


TOKEN = f"fl-{'a' * 26}{checksum('a' * 26)}".encode()


@settings(CALM, max_examples=examples(1500))
@given(make=st.one_of(headers(), line_bytes.map(lambda value: lambda _: value)))
@example(make=lambda token: b"Bearer \t" + token)
@example(make=lambda token: b"Bearer " + token + b"\x0b")
@example(make=lambda token: b"Bearer " + token + b"\n")
def test_the_parser_agrees_with_the_rfc(make: Callable[[bytes], bytes]) -> None:
    """The same without a socket, so that bytes which no server lets through are tried too."""
    value = make(TOKEN)
    found = parse_authorization(value)
    if is_good(value, TOKEN):
        assert found == TOKEN
    elif isinstance(found, bytes) and Token.parse(found.decode()) is not None:
        assert is_good(value, found)
    else:
        assert isinstance(found, (Denied, bytes))
