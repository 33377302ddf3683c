"""Bodies that are no JSON, or not as they are: what is said helps whoever sent them."""

import gzip
import json
import uuid
from typing import Any

import pytest

from flowkeys.web.errors import Refused
from flowkeys.web.requests.body import decode
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api, Running

JSON = {"Content-Type": "application/json"}
SECRET = "shown-nowhere"

MISTAKES: list[tuple[bytes, str, str]] = [
    (b"", "", "empty"),
    (b" \n", "", "empty"),
    (b'{"question": "Hello"', "", "ends too early"),
    (b'{"question": "Hello', "", "ends too early"),
    (b"{'question': 'Hello'}", "", "double quotes"),
    (b'{"a": "\\ud83d"}', "", "half a character"),
    (b"{question: 1}", "", "double quotes"),
    (b'{"a": \x27x\x27}', "", "double quotes"),
    (b'{"a": 1,}', "", "No comma stands behind the last"),
    (b"[1,]", "", "No comma stands behind the last"),
    (b'{"a": 1}\n{"b": 2}', "", "line 2, column 1"),
    (b'{"a": "one\ntwo"}', "", "line break is written"),
    (b'{"a": "one\ttwo"}', "", "tab"),
    (b'{"a": "C:\\xdir"}', "", "backslash"),
    (b'{"a": None}', "", "null, true and false"),
    (b'{"a": True}', "", "null, true and false"),
    (b'{"a": NaN}', "", "no NaN"),
    (b'{"a": 1} // c', "", "something follows"),
    (b'// c\n{"a": 1}', "", "no comments"),
    (b'{\n  "\xc3\xa9": 1\n  "b": 2\n}', "", "line 3, column 3"),
    (b"@question.json", "", "--data-binary @FILE"),
    (b"question=Hello", "application/x-www-form-urlencoded", "Content-Type: application/json"),
    (b"--x\r\n", "multipart/form-data; boundary=x", "Content-Type: application/json"),
    ('{"a": 1}'.encode("utf-16"), "", "UTF-8"),
    ('{"a": 1}'.encode("utf-16-le"), "", "UTF-8"),
    (b'{"a": "\xe9"}', "", "UTF-8"),
    (gzip.compress(b"{}"), "", "compressed"),
    (b"[" * 100_000, "", "nest"),
    (f'{{"{SECRET}": {SECRET}}}'.encode(), "", "line 1"),
]


def test_what_is_no_json_is_told_with_its_place_and_what_to_do() -> None:
    """People paste, quote and cut; none of what they sent is repeated."""
    for body, content_type, said in MISTAKES:
        with pytest.raises(Refused) as caught:
            decode(body, content_type)
        problem = caught.value.problem
        assert (problem.status, problem.code) == (400, "invalid_json")
        assert said in problem.detail, (body, problem.detail)
        assert SECRET not in problem.detail


def test_a_byte_order_mark_is_passed_over() -> None:
    """RFC 8259, section 8.1: it must not be sent, and may be ignored."""
    assert decode(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.fixture(scope="module")
def routes(server: Running, owner: Api) -> list[tuple[Api, str, str, dict[str, Any]]]:
    """Every kind of route that reads JSON: who calls it, how, and a body that it takes."""
    chatflow = make_chatflow(owner)
    key = bound_key(owner, chatflow)
    caller = server.api(key["apiKey"])
    return [
        (owner, "POST", "/apikey", {"keyName": "x"}),
        (owner, "PUT", f"/apikey/{key['id']}", {"note": "x"}),
        (owner, "POST", "/apikey/verify", {"token": key["apiKey"]}),
        (owner, "POST", "/apikey/explain", {"token": key["apiKey"]}),
        (owner, "POST", "/apikey/bulk/enable", {"ids": [key["id"]]}),
        (owner, "POST", "/chatflows", {"name": "x", "flowData": json.dumps({"nodes": [], "edges": []})}),
        (owner, "POST", "/document-stores", {"name": str(uuid.uuid4())}),
        (caller, "POST", f"/prediction/{chatflow['id']}", {"question": "Hello"}),
    ]


def test_every_route_reads_bodies_alike(routes: list[tuple[Api, str, str, dict[str, Any]]]) -> None:
    """A mark is passed over, what is encoded is 415, and a form is told from JSON."""
    for api, method, path, body in routes:
        plain = json.dumps(body).encode()
        marked = api.request(method, path, content=b"\xef\xbb\xbf" + plain, headers=JSON)
        assert marked.status_code < 300, (path, marked.text)
        named = api.request(method, path, content=plain, headers=JSON | {"Content-Encoding": "identity"})
        assert named.status_code < 300, (path, named.text)
        for encoding, content in (("gzip", gzip.compress(plain)), ("br", plain), ("GZIP, identity", plain)):
            sent = api.request(method, path, content=content, headers=JSON | {"Content-Encoding": encoding})
            assert (sent.status_code, sent.json()["code"]) == (415, "unsupported_encoding"), path
            assert sent.headers["accept-encoding"] == "identity"
        form = api.request(method, path, files={"question": (None, "Hello")})
        assert (form.status_code, form.json()["code"]) == (400, "invalid_json"), path
        assert "Content-Type: application/json" in form.json()["detail"]


def test_an_encoded_upload_is_refused_too(owner: Api) -> None:
    """Given a form that says it is compressed, the files are not taken for what they are not."""
    made = owner.post("/document-stores", json={"name": str(uuid.uuid4())}).json()
    files = {"files": ("a.md", b"# A\n\nText.")}
    path = f"/document-stores/{made['id']}/documents"
    sent = owner.post(path, files=files, headers={"Content-Encoding": "gzip"})
    assert (sent.status_code, sent.json()["code"]) == (415, "unsupported_encoding"), sent.text


def test_no_body_at_all_is_called_empty(owner: Api) -> None:
    """Of nothing there is no type to complain of."""
    for path in ("/apikey", "/apikey/verify"):
        answer = owner.post(path)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
        assert "The body is empty" in answer.json()["detail"]
        assert "question" not in answer.json()["detail"], "that is of predictions"
