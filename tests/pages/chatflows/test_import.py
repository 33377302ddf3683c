"""Another graph for a chatflow, compared first; and the file that brings the old one back."""

import json
import re

import httpx
import pytest

from flowkeys.web.pages.chatflows.export import disposition
from tests.pages.axe import assert_accessible
from tests.pages.browser import NARROW, WIDE
from tests.pages.chatflows.new_chatflow import Browser, text
from tests.pages.conftest import Visit
from tests.support.flows import echo, exported, make_chatflow, unknown
from tests.support.people import person
from tests.support.server import Api, Running

OTHER = f"\ufeff{unknown()}\r\n".encode()
"""As some editors save files: with a byte order mark and another end of line."""


both_looks = pytest.mark.parametrize(
    ("theme", "width"), [pytest.param("light", WIDE, marks=pytest.mark.slow), ("dark", NARROW)]
)
"""Each theme at one of the widths."""


@pytest.fixture
def plain(server: Running) -> Browser:
    """The browser of a member, without scripts."""
    return Browser(server, person(server, "member"))


@pytest.fixture
def chatflow(owner: Api) -> dict:
    """A chatflow that answers."""
    return make_chatflow(owner, "Echo & <co>")


def hidden(page: httpx.Response) -> dict[str, str]:
    """Return what the comparison's form would send."""
    return dict(re.findall(r'<input type="hidden" name="(content|seen)" value="([^"]*)">', page.text))


def compare(plain: Browser, chatflow: dict, content: bytes = OTHER) -> httpx.Response:
    """Send a file to be compared."""
    return plain.post(f"/chatflows/{chatflow['id']}/import", files={"file": ("other.json", content)})


def now(owner: Api, chatflow: dict) -> dict:
    """Return the chatflow as it is."""
    found: dict = owner.get(f"/chatflows/{chatflow['id']}").json()
    return found


def test_what_changes_is_shown_and_nothing_is_changed_yet(plain: Browser, owner: Api, chatflow: dict) -> None:
    """With counts, and with what this server lacks, in words."""
    page = compare(plain, chatflow)
    words = text(page)
    assert page.status_code == 200
    assert "What changes in Echo & <co>" in words
    assert "Nodes 2 2" in words
    assert "directReplyAgentflow 1 \N{EN DASH}" in words
    assert "browserAgentflow \N{EN DASH} 1" in words
    assert "this server has no node of the kind browserAgentflow" in words
    assert "Download the graph as it is now" in words
    assert now(owner, chatflow) == chatflow


def test_the_second_step_puts_the_graph_in_to_the_byte(plain: Browser, owner: Api, chatflow: dict) -> None:
    """Keys, id and the rest stay; the byte order mark is no part of the text."""
    sent = plain.post(f"/chatflows/{chatflow['id']}/import", data=hidden(compare(plain, chatflow)))
    assert sent.headers["location"] == f"/chatflows/{chatflow['id']}"
    after = now(owner, chatflow)
    assert after["flowData"] == f"{unknown()}\r\n"
    assert (after["name"], after["apiKeyIds"]) == (chatflow["name"], chatflow["apiKeyIds"])


def test_the_export_brings_the_old_graph_back(plain: Browser, owner: Api, chatflow: dict) -> None:
    """That is the undo that the page speaks of."""
    before = plain.get(f"/chatflows/{chatflow['id']}/export").content
    for content in (OTHER, before):
        path = f"/chatflows/{chatflow['id']}/import"
        assert plain.post(path, data=hidden(compare(plain, chatflow, content))).status_code == 303
    assert now(owner, chatflow)["flowData"] == chatflow["flowData"]


def test_pasted_json_is_taken_as_a_file_is(plain: Browser, chatflow: dict) -> None:
    """One of the two."""
    path = f"/chatflows/{chatflow['id']}/import"
    assert "browserAgentflow" in text(plain.post(path, data={"text": unknown()}))
    both = plain.post(path, data={"text": unknown()}, files={"file": ("a.json", OTHER)})
    assert both.status_code == 422
    assert "one of them" in text(both)


def test_the_same_graph_is_said_to_be_the_same(plain: Browser, chatflow: dict) -> None:
    """There is nothing to press then."""
    page = compare(plain, chatflow, chatflow["flowData"].encode())
    assert "Nothing: this is the graph that it has." in text(page)
    assert hidden(page) == {}


def test_a_chatflow_that_was_changed_meanwhile_is_compared_again(
    plain: Browser, owner: Api, chatflow: dict
) -> None:
    """Nobody's work is lost unseen; a change of its name is none of its graph."""
    first = hidden(compare(plain, chatflow))
    owner.put(f"/chatflows/{chatflow['id']}", json={"flowData": echo("changed")})
    refused = plain.post(f"/chatflows/{chatflow['id']}/import", data=first)
    assert refused.status_code == 422
    assert "The chatflow was changed while you looked." in text(refused)
    assert now(owner, chatflow)["flowData"] == echo("changed")
    owner.put(f"/chatflows/{chatflow['id']}", json={"name": "New name"})
    assert plain.post(f"/chatflows/{chatflow['id']}/import", data=hidden(refused)).status_code == 303


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"{", "This export is not JSON", id="broken"),
        pytest.param(b'{"nodes": {}, "edges": []}', "holds no chatflow", id="nodes that are no list"),
        pytest.param(json.dumps({"flowData": "[]"}).encode(), "Give the chatflow", id="flowData of a list"),
        pytest.param(b"", "This export is not JSON", id="empty"),
        pytest.param(b" " * (10 * 1024 * 1024 + 1), "larger than 10 MB", id="large"),
    ],
)
def test_what_is_no_export_is_refused_beside_the_field(
    plain: Browser, owner: Api, chatflow: dict, content: bytes, words: str
) -> None:
    """In words; nothing is changed."""
    page = compare(plain, chatflow, content)
    assert page.status_code == 422
    assert words in text(page)
    assert 'id="file-error"' in page.text
    assert now(owner, chatflow) == chatflow


@pytest.mark.parametrize("fields", [{"content": "%%%", "seen": ""}, {"content": "", "seen": ""}])
def test_a_second_step_that_was_made_up_changes_nothing(
    plain: Browser, owner: Api, chatflow: dict, fields: dict
) -> None:
    """It says what to do."""
    assert plain.post(f"/chatflows/{chatflow['id']}/import", data=fields).status_code == 422
    assert now(owner, chatflow) == chatflow


def test_a_viewer_neither_imports_nor_exports(server: Running, owner: Api, chatflow: dict) -> None:
    """Each is 403, and nothing is changed."""
    with Browser(server, person(server, "viewer")) as viewer:
        assert viewer.get(f"/chatflows/{chatflow['id']}/export").status_code == 403
        assert viewer.get(f"/chatflows/{chatflow['id']}/import").status_code == 403
        assert compare(viewer, chatflow).status_code == 403
    assert now(owner, chatflow) == chatflow


def test_a_page_of_another_site_changes_nothing(plain: Browser, owner: Api, chatflow: dict) -> None:
    """However well it knows what would be sent."""
    fields = hidden(compare(plain, chatflow))
    path = f"/chatflows/{chatflow['id']}/import"
    assert plain.post(path, data=fields, headers={"Origin": "https://x.example"}).status_code == 403
    assert now(owner, chatflow) == chatflow


@pytest.mark.parametrize("what", ["export", "import"])
def test_a_chatflow_of_another_workspace_is_not_there(server: Running, chatflow: dict, what: str) -> None:
    """Whoever asks."""
    with Browser(server, person(server, workspace="elsewhere")) as other:
        assert other.get(f"/chatflows/{chatflow['id']}/{what}").status_code == 404


def test_an_export_is_the_graph_to_the_byte_as_a_download(plain: Browser, chatflow: dict) -> None:
    """Its kind is not for the browser to guess."""
    answer = plain.get(f"/chatflows/{chatflow['id']}/export")
    assert answer.content == exported().encode()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Echo & _co_.json\"; filename*=UTF-8''Echo%20%26%20_co_.json"
    )


@pytest.mark.parametrize(
    ("name", "plain_name", "whole_name"),
    [
        pytest.param('a"b\\c.json', "a_b_c.json", "a%22b%5Cc.json", id="quotes"),
        pytest.param("é🐋.json", "__.json", "%C3%A9%F0%9F%90%8B.json", id="emoji"),
        pytest.param("a\r\nCookie: x", "a__Cookie: x", "a%0D%0ACookie%3A%20x", id="line ends"),
    ],
)
def test_any_name_becomes_a_header_that_is_one_line(name: str, plain_name: str, whole_name: str) -> None:
    """In both spellings that browsers read."""
    header = f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{whole_name}"
    assert disposition(name) == header


@pytest.mark.parametrize("name", ["../../up", "שלום\u202e", "con|:*?", "...", "x" * 255])
def test_any_chatflow_can_be_downloaded(plain: Browser, owner: Api, name: str) -> None:
    """Its file has a name that every system takes."""
    made = make_chatflow(owner, name)
    header = plain.get(f"/chatflows/{made['id']}/export").headers["content-disposition"]
    stem = header.partition('filename="')[2].partition('.json"')[0]
    assert 0 < len(stem) <= 100
    assert not set(stem) & set('/\\:*?"<>|')


@both_looks
def test_a_graph_is_replaced_in_a_browser(
    visit: Visit, server: Running, owner: Api, theme: str, width: int
) -> None:
    """Both pages are accessible, and fit."""
    made = make_chatflow(owner, "<img src=x onerror=alert(1)>" * 3)
    page = visit(f"/chatflows/{made['id']}/import", person(server, "member"), theme=theme, width=width).page
    assert_accessible(page)
    page.get_by_label("Or paste the JSON").fill(unknown())
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="Replace the graph").wait_for()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Replace the graph").click()
    page.wait_for_url(f"**/chatflows/{made['id']}")
    assert now(owner, made)["flowData"] == unknown()


def test_a_comparison_names_only_so_many_kinds(plain: Browser, chatflow: dict) -> None:
    """And says how many more there are."""
    nodes = [{"id": f"n{number}", "data": {"name": f"kind{number:04}"}} for number in range(400)]
    page = compare(plain, chatflow, json.dumps({"nodes": nodes, "edges": []}).encode())
    assert page.status_code == 200
    assert page.text.count("<tr><th") < 120
    assert page.text.count("this server has no node of the kind") == 100
    assert "302 more kinds change" in text(page)
