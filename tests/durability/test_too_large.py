"""Bodies over the configured limit are 413, whether they announce their size or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.conftest import served
from tests.durability.process import Served
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api

LIMIT = 4096


@pytest.fixture(scope="module")
def limited(
    tmp_path_factory: pytest.TempPathFactory, template: tuple[Path, str]
) -> Iterator[tuple[Served, Api]]:
    """A server that takes little, and its owner."""
    folder = tmp_path_factory.mktemp("limited")
    server = served(folder, template, max_body_bytes=LIMIT, max_upload_bytes=LIMIT)
    yield server, server.owner()
    server.end()


def pieces(total: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    head, tail = b'{"question": "', b'"}'
    yield head
    for start in range(0, total - len(head + tail), 1000):
        yield b"x" * min(1000, total - len(head + tail) - start)
    yield tail


@pytest.mark.parametrize("size", [LIMIT + 1, 5_000_000], ids=["a little", "much"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_a_body_over_the_limit_is_refused(limited: tuple[Served, Api], size: int, announced: bool) -> None:
    """The answer is 413 on the fast path and on the others, and the next call is answered as ever."""
    server, owner = limited
    chatflow = make_chatflow(owner, flow_data='{"nodes": [], "edges": []}')
    token = bound_key(owner, chatflow)["apiKey"]
    for api, path in ((server.api(token), f"/prediction/{chatflow['id']}"), (owner, "/apikey")):
        content = b"".join(pieces(size)) if announced else pieces(size)
        answer = api.post(path, content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert str(LIMIT) in answer.json()["message"]
    assert owner.get("/apikey").status_code == 200


def test_a_body_at_the_limit_is_read(limited: tuple[Served, Api]) -> None:
    """The limit is the largest size that is taken."""
    _server, owner = limited
    body = '{"keyName": "at the limit"}'
    answer = owner.post(
        "/apikey", content=body + " " * (LIMIT - len(body)), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201


def test_nobody_without_a_key_sends_a_body(limited: tuple[Served, Api]) -> None:
    """Who may not call is told so before the body is looked at: 401, not 413."""
    server, owner = limited
    chatflow = make_chatflow(owner, flow_data='{"nodes": [], "edges": []}')
    answer = server.api().post(f"/prediction/{chatflow['id']}", content=b"x" * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (401, "missing_credentials")
