"""A token that was typed where none belongs is not shown again by what is said about it."""

import json

import pytest

from flowkeys.domain.keys.token import Token
from tests.pages.chatflows.new_chatflow import Browser, text
from tests.support.flows import make_chatflow, make_key
from tests.support.people import person
from tests.support.server import Api, Running

TOKEN = Token.mint().reveal()


@pytest.fixture
def plain(server: Running) -> Browser:
    """An owner's browser, without scripts."""
    return Browser(server, person(server))


@pytest.mark.parametrize("path", ["/keys/disable", "/keys/revoke"])
def test_a_refusal_that_quotes_what_was_sent_quotes_no_token(plain: Browser, owner: Api, path: str) -> None:
    """Where an id belongs, for example."""
    make_key(owner)
    page = plain.post(path, data={"ids": TOKEN})
    assert page.status_code == 422
    assert "fl-…" in text(page)
    assert TOKEN not in page.text


def test_an_export_with_several_chatflows_is_refused_without_the_token_in_a_name(plain: Browser) -> None:
    """Beside the field."""
    several = json.dumps({"ChatFlow": [{"name": TOKEN, "flowData": "{}"}] * 2})
    page = plain.make("export", [("a.json", several.encode())], name="x")
    assert page.status_code == 422
    assert "2 chatflows (fl-…, fl-…)" in text(page)
    assert TOKEN not in page.text


@pytest.mark.parametrize("path", ["/chatflows", "/chatflows/{}"])
def test_what_is_wrong_with_a_graph_is_told_without_the_token_in_it(
    plain: Browser, owner: Api, path: str
) -> None:
    """Where a node is named by one."""
    node = {"id": TOKEN, "data": {"name": f"kind {TOKEN}", "label": "Odd"}}
    chatflow = make_chatflow(owner, flow_data=json.dumps({"nodes": [node, node], "edges": []}))
    page = plain.get(path.format(chatflow["id"]))
    assert "fl-…" in text(page)
    assert TOKEN not in page.text


def test_a_file_that_cannot_be_read_is_listed_without_the_token_in_its_name(plain: Browser) -> None:
    """At the end of an import."""
    files = [("a.md", b"# Walrus\n\ntext"), (f"{TOKEN}.exe", b"MZ")]
    page = plain.finish(plain.make("documents", files, name="N"))
    assert "fl-….exe: files of this kind cannot be read" in text(page)
    assert TOKEN not in page.text
