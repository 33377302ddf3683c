"""What the tests of new chatflows share: forms sent over HTTP, and a parser that waits until it is told."""

import asyncio
import re
from html import unescape
from typing import Any

import httpx

from flowkeys.domain.documents.collection import ParsedDocument
from tests.support.flows import exported
from tests.support.people import SignedIn
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS, until

Files = list[tuple[str, bytes]]
WALRUS: Files = [("walrus.md", b"# Walruses\n\nA walrus has two long tusks.\n")]
NEW = "/chatflows/new"
EXPORT: Files = [("Support Chatflow.json", exported().encode())]
KEY = {"main": {"base_url": "https://models.example/v1", "api_key": "of-the-operator"}}
"""A model credential of the operator."""


class Browser(httpx.Client):
    """A browser without scripts, in which somebody is signed in; the server closes it when it stops."""

    def __init__(self, server: Running, who: SignedIn) -> None:
        super().__init__(base_url=who.url, headers=who.headers, timeout=PATIENCE_SECONDS, trust_env=False)
        server._clients.append(self)

    def once(self, way: str) -> str:
        """Return the one-time value of a form that was just shown."""
        found = re.search(r'name="once" value="([^"]+)"', self.get(NEW, params={"way": way}).text)
        assert found is not None
        return found[1]

    def make(self, way: str, files: Files = (), /, field: str | None = None, **fields: str) -> httpx.Response:  # type: ignore[assignment]
        """Fill in and send one of the three forms."""
        name = field or ("file" if way == "export" else "files")
        data = {"once": self.once(way), **fields}
        sent: Any = [(name, (file, content)) for file, content in files]
        return self.post(f"{NEW}/{way}", data=data, files=sent or {"none": ("", b"")})

    def finish(self, answer: httpx.Response) -> httpx.Response:
        """Follow to the page of an import, and look again until it has ended; return what is shown then."""
        assert answer.status_code == 303, text(answer)

        def ended() -> httpx.Response | None:
            page = self.get(answer.headers["location"])
            return page if page.status_code != 200 or "job-state" not in page.text else None

        page = until(ended, "the end of an import")
        assert page is not None
        return page


class Gate:
    """Lets the server's parser read one file for each `let`; from then on all after `open`."""

    def __init__(self, server: Running, monkeypatch: Any) -> None:
        self._server = server
        self._parse = server.runtime.parser.parse
        self._tickets = asyncio.Semaphore(0)
        monkeypatch.setattr(server.runtime.parser, "parse", self._wait)

    async def _wait(self, source: str, content: bytes) -> ParsedDocument:
        await self._tickets.acquire()
        return await self._parse(source, content)

    def let(self, files: int) -> None:
        """Let so many files pass."""

        async def release() -> None:
            for _ in range(files):
                self._tickets.release()

        self._server.do(release())


def many(count: int) -> Files:
    """Return small documents."""
    return [
        (f"page {number:03}.md", f"# Page {number}\n\nWalrus {number}.".encode()) for number in range(count)
    ]


def text(page: httpx.Response) -> str:
    """Return the words of a page."""
    inline = re.sub(r"</?(?:bdi|code|span|b)\b[^>]*>", "", page.text)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", inline)))


def left(server: Running, who: SignedIn) -> tuple[int, int]:
    """Return how many chatflows and how many collections of documents there are."""
    from flowkeys.domain.listing import ChatflowQuery
    from flowkeys.domain.principal import Caller, operator

    caller = Caller(operator(who.person.workspace_id))
    query = ChatflowQuery(workspace_id=caller.workspace_id, limit=1, offset=0)
    chatflows = server.do(server.runtime.chatflows.page(caller, query))
    return chatflows.total, len(server.do(server.runtime.collections.all(caller)))
