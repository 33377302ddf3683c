"""Every answer that a browser's window got, with its text, read through chromium's debugger.

Playwright's own reading loses an answer whose page is left the moment it arrives, as with a redirect that
htmx follows. Chromium keeps them for a debugger that asks it to.
"""

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, CDPSession, Error, Page

_SAME_FOR_ALL: Final = "/static/"
"""What is below here holds nothing of anybody, and reading it takes most of the time."""
_BUFFERS: Final = {"maxTotalBufferSize": 64_000_000, "maxResourceBufferSize": 16_000_000}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request was answered with: the text is decoded as UTF-8, an image's too."""

    method: str
    url: str
    status: int
    headers: dict[str, str]
    text: str


@dataclass(slots=True)
class _Begun:
    method: str
    url: str
    response: dict[str, Any] | None = None


class Answers:
    """The answers in the pages of a window that are watched, in the order in which they were complete."""

    def __init__(self, context: BrowserContext) -> None:
        self.complete: list[Answer] = []
        self.lost: list[str] = []
        self._begun: dict[str, _Begun] = {}
        self._sessions: list[CDPSession] = []
        self._context = context

    @property
    def under_way(self) -> list[str]:
        """The requests whose answers have not ended."""
        return [f"{begun.method} {begun.url}" for begun in self._begun.values()]

    def catch_up(self) -> None:
        """Wait until all that has happened in the pages so far is known here.

        What a page reports and what it answers come in one order: before this answer, whatever was before.
        """
        for session in self._sessions:
            with suppress(Error):  # a page that was closed reports nothing more
                session.send("Runtime.evaluate", {"expression": "1"})

    def watch(self, page: Page) -> None:
        """Watch a page that has not been anywhere yet."""
        session = self._context.new_cdp_session(page)

        def finished(event: dict[str, Any]) -> None:
            self._on_finished(session, event["requestId"])

        self._sessions.append(session)
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.responseReceived", self._on_response)
        session.on("Network.loadingFinished", finished)
        session.on("Network.loadingFailed", self._on_failed)
        session.send("Network.enable", _BUFFERS)
        session.send("Network.configureDurableMessages", _BUFFERS)

    def _on_request(self, event: dict[str, Any]) -> None:
        if not event["request"]["url"].startswith("http"):
            return
        redirect, before = event.get("redirectResponse"), self._begun.get(event["requestId"])
        if redirect is not None and before is not None:
            self._add(before.method, redirect, "")  # a browser reads no body of a redirect
        self._begun[event["requestId"]] = _Begun(event["request"]["method"], event["request"]["url"])

    def _on_response(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self._begun:
            self._begun[event["requestId"]].response = event["response"]

    def _on_finished(self, session: CDPSession, request_id: str) -> None:
        begun = self._begun.get(request_id)
        if begun is None or begun.response is None:
            return
        if urlsplit(begun.response["url"]).path.startswith(_SAME_FOR_ALL):
            self._begun.pop(request_id)
            return
        try:
            body = session.send("Network.getResponseBody", {"requestId": request_id})
        except Error as error:
            self.lost.append(f"{begun.method} {begun.response['url']}: {error.message}")
        else:
            raw = base64.b64decode(body["body"]) if body["base64Encoded"] else body["body"].encode()
            self._add(begun.method, begun.response, raw.decode("utf-8", errors="replace"))
        finally:
            self._begun.pop(request_id, None)

    def _on_failed(self, event: dict[str, Any]) -> None:
        self._begun.pop(event["requestId"], None)

    def _add(self, method: str, response: dict[str, Any], text: str) -> None:
        headers = {name.lower(): value for name, value in response["headers"].items()}
        self.complete.append(Answer(method, response["url"], response["status"], headers, text))
