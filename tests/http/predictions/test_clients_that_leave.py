"""Clients that leave while their body is on its way, or send none that can be read: no mistakes of ours."""

import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.flows import make_chatflow
from tests.support.people import person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, until

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.md"\r\n\r\nsome'
MEGABYTE = 1024 * 1024


def _begin(server: Running, path: str, kind: str, body: bytes, headers: dict[str, str], length: int) -> None:
    """Send the beginning of a body, and leave."""
    parts = urlsplit(server.url)
    sent = {"Host": parts.netloc, "Content-Type": kind, "Content-Length": str(length), **headers}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(head.encode() + b"\r\n" + body)


def _logged(capsys: pytest.CaptureFixture[str], count: int) -> list[dict[str, Any]]:
    """Return all lines of the log as soon as there are so many of requests."""
    pieces: list[str] = []

    def text() -> str:
        pieces.append(capsys.readouterr().err)
        return "".join(pieces)

    until(lambda: text().count('"event":"request"') >= count, lambda: f"{count} lines in {text()}")
    lines = [json.loads(line) for line in text().splitlines()]
    # What every start writes, and what a busy machine's database makes the feed write.
    return [line for line in lines if not line["event"].startswith(("audit_head", "feed_"))]


@pytest.mark.of_one_process("lines of one process's log are counted")
@pytest.mark.parametrize("http", ["protocol", "asgi"])
def test_who_leaves_in_the_middle_of_a_body_is_logged_as_gone(
    http: str, start: Callable[..., Running], capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says 499 of each, and no word of an error, which anybody could fill a disk with."""
    server = start(http=http, access_log=True, log_format="json")
    owner = server.owner()
    store = owner.post("/document-stores", json={"name": "left"}).json()
    chatflow = make_chatflow(owner, "left", isPublic=True)
    _logged(capsys, 2)
    key = {"Authorization": f"Bearer {owner.token}"}
    page = person(server).headers
    left = {
        "/sign-in": ("/sign-in", FORM, b"email=a", {"Origin": server.url}),
        "/account/name": ("/account/name", FORM, b"name=a", page),
        "/chatflows/new/documents": ("/chatflows/new/documents", MULTIPART, PART, page),
        "/chatflows/{chatflow_id}/import": (f"/chatflows/{chatflow['id']}/import", MULTIPART, PART, page),
        "/api/v1/document-stores/{store_id}/documents": (
            f"/api/v1/document-stores/{store['id']}/documents", MULTIPART, PART, key,
        ),
        "/api/v1/apikey": ("/api/v1/apikey", "application/json", b'{"keyName"', key),
        "/api/v1/prediction/{chatflow_id}": (
            f"/api/v1/prediction/{chatflow['id']}", "application/json", b'{"question"', {},
        ),
    }  # fmt: skip
    for path, kind, body, headers in left.values():
        _begin(server, path, kind, body, headers, length=1000)
    lines = _logged(capsys, len(left))
    assert {line.get("route", line["event"]): line.get("status") for line in lines} == dict.fromkeys(
        left, 499
    )
    assert not any("code" in line for line in lines)


def test_who_leaves_after_a_form_was_too_large_is_gone_too(
    start: Callable[..., Running], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left of it is read so that a browser shows why: there is nobody to show it to."""
    server = start(access_log=True, log_format="json", max_upload_bytes=MEGABYTE)
    body = PART + bytes(3 * MEGABYTE)
    _begin(server, "/chatflows/new/documents", MULTIPART, body, person(server).headers, 4 * MEGABYTE)
    (line,) = _logged(capsys, 1)
    assert (line["event"], line["status"]) == ("request", 499)


def test_a_malformed_form_is_one_line(
    start: Callable[..., Running], capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody may send one to the sign-in: what reads it has nothing to add to the request's own line."""
    server = start(access_log=True, log_format="json")
    body = b"--b\r\nContent-Disp" + bytes(3)
    headers = {"Content-Type": MULTIPART, "Origin": server.url}
    assert (
        httpx.post(
            f"{server.url}/sign-in", content=body, headers=headers, timeout=PATIENCE_SECONDS
        ).status_code
        == 422
    )
    (line,) = _logged(capsys, 1)
    assert (line["event"], line["status"]) == ("request", 422)
