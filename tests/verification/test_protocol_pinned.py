"""What the protocol builds on is uvicorn's own: a new version is read before it is taken."""

import hashlib
import inspect
from importlib.metadata import version

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from flowkeys.web.hot.connection import StrictProtocol
from flowkeys.web.hot.leaving import LeavingProtocol
from flowkeys.web.hot.protocol import HotProtocol
from flowkeys.web.hot.writing import WritingProtocol
from tests.architecture.tree import ROOT

READ = {
    "uvicorn": "0.54.0",
    "HttpToolsProtocol": "18fdf324b11bf160",
    "RequestResponseCycle": "e67d470d435dcc1c",
}


def test_uvicorn_is_the_one_that_was_read() -> None:
    """The version in use is the pinned one, and its protocol is the text that was read, to the letter.

    When this fails: read what changed in httptools_impl.py, compare `HotProtocol` and
    `StrictProtocol` with it, then renew READ.
    """
    assert f"uvicorn=={READ['uvicorn']}" in (ROOT / "constraints.txt").read_text().split()
    found = {
        "uvicorn": version("uvicorn"),
        **{one.__name__: _digest(one) for one in (HttpToolsProtocol, RequestResponseCycle)},
    }
    assert found == READ


def test_nothing_else_is_overridden() -> None:
    """These methods of uvicorn's are; one that is added belongs in this list, with its reason beside it."""
    assert _overridden(WritingProtocol) == {"connection_lost"}
    assert _overridden(HotProtocol) == {
        "connection_lost",
        "data_received",
        "on_body",
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
    }
    assert _overridden(LeavingProtocol) == {"_start_asgi_task", "connection_made", "shutdown"}
    assert _overridden(StrictProtocol) == {
        "_start_asgi_task",
        "connection_lost",
        "connection_made",
        "data_received",  # written out: what the parser raises for Upgrade is another thing here
        "on_body",
        "on_header",  # written out, since it is called for each line
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
        "on_response_complete",
        "resume_writing",
    }


def _overridden(one: type) -> set[str]:
    special = {"__init__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__"}
    return {name for name in vars(one) if name in dir(HttpToolsProtocol)} - special


def _digest(one: type) -> str:
    return hashlib.sha256(inspect.getsource(one).encode()).hexdigest()[:16]
