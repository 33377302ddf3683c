"""New chatflows that are not made: what is said, what is kept, and that nothing is left behind."""

from collections.abc import Callable

import httpx
import pytest

from tests.pages.chatflows.new_chatflow import EXPORT, NEW, WALRUS, Browser, left, text
from tests.support.people import SignedIn, person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

Start = Callable[..., Running]


@pytest.fixture
def who(server: Running) -> SignedIn:
    """A member with the usual permissions."""
    return person(server, "member")


@pytest.fixture
def plain(server: Running, who: SignedIn) -> Browser:
    """Their browser, without scripts."""
    return Browser(server, who)


@pytest.mark.parametrize(
    ("way", "files", "fields", "words"),
    [
        pytest.param("export", [], {}, "Choose one file.", id="no file"),
        pytest.param("export", [("a.json", b"{")], {}, "This file is not JSON", id="broken JSON"),
        pytest.param("export", [("a.json", b"\xff")], {}, "This file is no text", id="no text"),
        pytest.param("export", [("a.json", b"[]")], {}, "This file holds no chatflow", id="a list"),
        pytest.param("export", [("a.json", b"{}")], {}, "neither nodes nor flowData", id="another object"),
        pytest.param("export", [("a.json", b'{"nodes": []}')], {}, "lists nodes and edges", id="no edges"),
        pytest.param("export", [("a.json", b"[" * 9999)], {}, "This file is", id="brackets"),
        pytest.param("export", EXPORT, {"name": "a\x07b"}, "without control characters", id="a bell"),
        pytest.param("documents", [], {"name": "N"}, "Choose at least one file.", id="no documents"),
        pytest.param("documents", WALRUS, {"name": " "}, "Give a name", id="no name"),
        pytest.param(
            "documents", WALRUS, {"name": "N", "baseUrl": "x", "model": "m"}, "begin with http", id="URL"
        ),
        pytest.param(
            "documents",
            WALRUS,
            {"name": "N", "baseUrl": "https://a.example"},
            "Give the model's name",
            id="no model",
        ),
        pytest.param("model", [], {"name": "N", "model": "m"}, "Give the base URL", id="no base URL"),
        pytest.param(
            "model",
            [],
            {"name": "N", "model": "m", "baseUrl": "http://127.0.0.1:1/v1"},
            "not a public address",
            id="loopback",
        ),
        pytest.param(
            "model",
            [],
            {"name": "N", "model": "m", "credential": "other"},
            "no credential named 'other'",
            id="unknown credential",
        ),
        pytest.param(
            "model",
            [],
            {"name": "N", "model": "m", "baseUrl": "https://a.example", "prompt": "x" * 20_001},
            "at most 20,000 characters",
            id="a long prompt",
        ),
        pytest.param("model", [], {"name": "N", "once": "0.x"}, "Give the base URL", id="an odd form"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    server: Running, who: SignedIn, plain: Browser, way: str, files: list, fields: dict, words: str
) -> None:
    """With status 422, beside the field, in words."""
    before = left(server, who)
    answer = plain.make(way, files, **fields)
    assert answer.status_code == 422
    assert words in text(answer)
    assert 'aria-invalid="true"' in answer.text
    assert left(server, who) == before


def test_what_was_typed_is_kept_and_files_are_to_be_chosen_again(plain: Browser) -> None:
    """As text, whatever it is."""
    hostile = '"><img src=x onerror=alert(1)>'
    answer = plain.make("documents", WALRUS, name=hostile, baseUrl="nonsense", model=hostile)
    assert answer.text.count("&#34;&gt;&lt;img src=x onerror=alert(1)&gt;") == 2
    assert "<img" not in answer.text
    assert "Choose the files again: browsers do not keep them." in text(answer)


def test_too_much_is_refused_with_the_limit_and_a_browser_gets_to_see_it(start: Start) -> None:
    """All that was sent is taken in, or the browser would show that the connection broke."""
    own = start(max_upload_bytes=100_000)
    who = person(own, "member")
    answer = Browser(own, who).make("documents", [("big.md", b"x" * 20_000_000)], name="N")
    assert answer.status_code == 413
    assert "This is more than 98 kB. Choose fewer or smaller files." in text(answer)
    assert left(own, who) == (0, 0)


def test_a_large_export_is_refused_with_the_limit(server: Running, plain: Browser) -> None:
    """It is the one of the command line."""
    answer = plain.make("export", [("a.json", b" " * (11 * 1024 * 1024 + 1))])
    assert answer.status_code == 413
    assert "This is more than 10 MB. Choose a smaller file." in text(answer)


def test_a_way_that_would_be_refused_is_not_offered(server: Running) -> None:
    """Who may make chatflows but no document stores is shown the other ways, and a forged form is refused."""
    who = person(server, "member", permissions=("chatflows:create", "chatflows:view"))
    before = left(server, who)
    plain = Browser(server, who)
    page = plain.get(NEW, params={"way": "documents"}).text
    assert "way=documents" not in page
    assert 'action="/chatflows/new/model"' in page
    forged = plain.post(f"{NEW}/documents", data={"name": "N"}, files=[("files", WALRUS[0])])
    assert forged.status_code == 403
    assert left(server, who) == before


@pytest.mark.parametrize("way", ["export", "documents", "model"])
@pytest.mark.parametrize("forgery", ["a viewer", "another site", "nobody"])
def test_who_may_not_makes_nothing(server: Running, way: str, forgery: str) -> None:
    """A viewer, a page of another site, and somebody who is signed out."""
    who = person(server, "viewer" if forgery == "a viewer" else "owner")
    before = left(server, who)
    headers = dict(who.headers)
    if forgery == "another site":
        headers["Origin"] = "https://elsewhere.example"
    if forgery == "nobody":
        del headers["Cookie"]
    files = [("file", EXPORT[0]), ("files", WALRUS[0])]
    fields = {"name": "N", "baseUrl": "https://a.example/v1", "model": "m"}
    answer = httpx.post(
        f"{server.url}{NEW}/{way}",
        data=fields,
        files=files,
        headers=headers,
        trust_env=False,
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code == (401 if forgery == "nobody" else 403)
    assert left(server, who) == before
