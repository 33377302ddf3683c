"""Exports that people have published: they are taken and drawn, and run, or say all that is missing."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flowise.exports import MISSING, Imports, exports, importing, nodes_of
from tests.flowise.situations import KINDS
from tests.flowise.stub import Stub
from tests.pages.chatflows.new_chatflow import text
from tests.support.server import Running

FILES = exports() or [pytest.param(None, id="all", marks=pytest.mark.skip(reason=MISSING))]

WHAT_FILES_LACK = re.compile(
    "custom tool|'customMCP'|MCP_SERVERS|tool names|the address has to begin with http"
)
"""An agentflow can only lack tools of its workspace, those of other servers, and addresses left out of it."""


@pytest.fixture(scope="module")
def imports(serve: Callable[..., Running]) -> Iterator[Imports]:
    """A server beside a scripted model."""
    stub = Stub()
    yield importing(serve, stub)
    stub.stop()


@pytest.mark.parametrize("path", FILES, ids=lambda path: getattr(path, "stem", "all"))
def test_an_export_runs_or_says_all_that_is_missing(path: Path, imports: Imports) -> None:
    """Its importer names one credential for all its models, and somebody approves its code: no more."""
    added = imports.add(path)
    if added.status_code == 422:
        assert "Delete what is before the first {" in text(added)
        return
    chatflow = imports.approved(imports.found(added))
    nodes = nodes_of(chatflow["flowData"])
    is_drawn, page = imports.page(chatflow)
    assert is_drawn
    lacking = [node["id"] for node in nodes if " ".join(str(node["label"]).split()) not in page]
    assert not lacking, "they are not on the page"
    kinds = {node["name"] for node in nodes}
    assert set(chatflow["missingNodeKinds"]) == kinds - KINDS
    first, second = imports.ask(chatflow)
    if chatflow["runnable"]:
        assert (first.status, first.problem, second.problem) == (200, "", "")
        assert first.text == second.text != ""
        return
    reasons = [*chatflow["missingNodeKinds"], *chatflow["problems"]]
    assert reasons
    assert (first.status, second.status, first.answer["code"]) == (422, 422, "flow_not_runnable")
    for reason in reasons:
        words = " ".join(reason.split())
        assert words in page
        assert words in " ".join(first.problem.split())
    if kinds <= KINDS:
        assert [p for p in chatflow["problems"] if not WHAT_FILES_LACK.search(p)] == []
