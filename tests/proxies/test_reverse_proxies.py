"""The configurations of docs/reverse-proxy, each in the real proxy, over TLS, in front of flowkeys itself."""

import json
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys.web.predictions import stream
from tests.proxies import chat
from tests.proxies.plain import COMMENT, Plain, told
from tests.proxies.programs import FILES, PLACEHOLDER, PLAIN, Proxy
from tests.proxies.wire import connected
from tests.support.flows import events
from tests.support.waiting import PATIENCE_SECONDS


def test_every_file_is_started_by_a_test() -> None:
    """And every placeholder is explained."""
    there = {path.name for path in PLAIN.iterdir()}
    assert there == {"README.md", *(files[0] for files in FILES.values())}
    texts = {path.name: path.read_text("utf-8") for path in PLAIN.iterdir()}
    used = {name for file, text in texts.items() if file != "README.md" for name in PLACEHOLDER.findall(text)}
    assert used == set(PLACEHOLDER.findall(texts["README.md"]))


def test_a_stream_arrives_piece_by_piece(plain_proxy: Proxy, plain: Plain) -> None:
    """The next is said only when the one before has arrived."""
    with plain.ask(plain_proxy, "Hello", streaming=True) as response:
        for number in range(3):
            chat.pieces["Hello"].put(f"piece {number}")
            told(response, f"piece {number}")
        chat.pieces["Hello"].put(None)
        rest = response.read().decode()
    assert events(rest[rest.index("message:") :])[-1] == {"event": "end", "data": "[DONE]"}


def test_silence_ends_nothing(plain_proxy: Proxy, plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    """What flowkeys says to keep a silent stream open is passed on at once."""
    monkeypatch.setattr(stream, "COMMENT_SECONDS", 0.01)
    with plain.ask(plain_proxy, "Hello", streaming=True) as response:
        for _ in range(3):
            told(response, COMMENT)
        chat.pieces["Hello"].put("at last")
        told(response, "at last")
        chat.pieces["Hello"].put(None)
        response.read()


@pytest.mark.parametrize("streaming", [True, False])
def test_a_run_is_stopped_when_its_client_leaves(plain_proxy: Proxy, plain: Plain, streaming: bool) -> None:
    """In the middle of a stream, and before any of an answer."""
    question = f"{plain_proxy.name} {streaming}"
    if streaming:
        with plain.ask(plain_proxy, question, streaming=True) as response:
            chat.pieces[question].put("first")
            told(response, "first")
            assert chat.stopped.empty()
    else:
        body = json.dumps({"question": question}).encode()
        lines = [
            f"POST {plain.path} HTTP/1.1",
            "Host: localhost",
            plain.bearer,
            f"Content-Length: {len(body)}",
        ]
        with closing(connected(plain_proxy.port, tls=plain.tls)) as client:
            client.sendall("\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + body)
            while chat.begun.get(timeout=PATIENCE_SECONDS) != question:
                pass
            assert chat.stopped.empty()
    assert chat.stopped.get(timeout=PATIENCE_SECONDS) == question


def test_a_large_body_arrives(plain_proxy: Proxy, plain: Plain) -> None:
    """Nine megabytes, which flowkeys takes and nginx by itself does not; flowkeys refuses more."""
    with plain.ask(plain_proxy, "a" * 9_000_000) as response:
        assert response.status == 200
        assert json.loads(response.read())["text"] == "9000000 characters"
    with plain.ask(plain_proxy, "a" * 12_000_000) as response:
        assert response is None or response.status == 413


def test_what_flowkeys_says_is_kept(plain_proxy: Proxy, plain: Plain) -> None:
    """Its problem, the client's request id, the challenge and when to try again; and the client's address."""
    refused = plain.call(plain_proxy, "/api/v1/apikey", "X-Request-Id: own-id-1234")
    assert (refused.status, refused.code) == (401, "missing_credentials")
    assert refused.all("x-request-id") == ["own-id-1234"]
    assert refused.all("www-authenticate") == ['Bearer realm="flowkeys"']
    guesser = "127.8.7.6"
    guesses = plain.flowkeys.api("x", **{"X-Forwarded-For": guesser})
    while guesses.get("/apikey").status_code != 429:  # most of them at once, without the proxy
        pass
    for _ in range(400):
        limited = plain.call(plain_proxy, "/api/v1/apikey", "Authorization: Bearer x", source=guesser)
        if limited.status == 429:
            break
    assert (limited.status, limited.code) == (429, "rate_limited")
    assert int(limited.all("retry-after")[0]) > 0
    other = plain.call(plain_proxy, "/api/v1/apikey", "Authorization: Bearer x", source="127.8.7.7")
    assert other.status == 401


def test_long_headers_arrive(plain_proxy: Proxy, plain: Plain) -> None:
    """A cookie of 20 kB, and a good many headers, are no matter for the proxy."""
    lines = ["Cookie: a=" + "b" * 20_000, *[f"X-Header-{number}: x" for number in range(80)]]
    assert plain.call(plain_proxy, "/api/v1/ping", *lines).body == b"pong"


def test_http_2_carries_a_stream(plain_proxy: Proxy, plain: Plain, certificates: Path) -> None:
    """Piece by piece, to a client that speaks nothing else; and the run stops when it leaves."""
    curl = shutil.which("curl") or pytest.skip("curl is not installed: make tools")
    question = f"{plain_proxy.name} over HTTP/2"
    arguments = [
        "-sS",
        "-N",
        "-i",
        "--http2",
        "--cacert",
        str(certificates / "certificate.pem"),
        "-H",
        plain.bearer,
    ]
    arguments += ["--noproxy", "*", "--json", json.dumps({"question": question, "streaming": True})]
    url = f"https://localhost:{plain_proxy.port}{plain.path}"
    resolve = ["--resolve", f"localhost:{plain_proxy.port}:127.0.0.1"]
    with subprocess.Popen([curl, *arguments, *resolve, url], stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        try:
            assert client.stdout.readline().startswith(b"HTTP/2 200")
            for number in range(2):
                chat.pieces[question].put(f"piece {number}")
                line = b"."
                while f"piece {number}".encode() not in line:
                    line = client.stdout.readline()
                    assert line, "the stream ended"
        finally:
            client.kill()
    assert chat.stopped.get(timeout=PATIENCE_SECONDS) == question
