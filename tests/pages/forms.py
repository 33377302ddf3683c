"""Pages as a program sees them: what is in a form of an answer, and a client that is signed in."""

from collections.abc import Mapping
from html.parser import HTMLParser

import httpx

from flowkeys.web.requests.sign_in_cookie import COOKIE
from tests.support.people import SignedIn
from tests.support.server import Api, Running


class _Fields(HTMLParser):
    """What a browser would send for the forms of a page: hidden values, texts, ticked boxes, choices."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.offered: dict[str, list[str]] = {}
        self._area: str | None = None
        self._select: str | None = None
        self._chosen: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found: Mapping[str, str | None] = dict(attrs)
        if tag == "option" and self._select is not None and (self._chosen is None or "selected" in found):
            self._chosen = found.get("value") or ""
        name, kind = found.get("name"), found.get("type") or "text"
        if name is None:
            return
        value = found.get("value") or ""
        if tag == "select":
            self._select, self._chosen = name, None
        elif tag == "textarea":
            self._area = name
            self.values.setdefault(name, []).append("")
        elif tag == "input":
            self.offered.setdefault(name, []).append(value)
            if kind not in {"checkbox", "radio"} or "checked" in found:
                self.values.setdefault(name, []).append(value)

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.values[self._area][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        elif tag == "select" and self._select is not None:
            self.values.setdefault(self._select, []).append(self._chosen or "")
            self._select = None


def fields(response: httpx.Response) -> dict[str, list[str]]:
    """Return what a browser would send for the page's forms as they are shown."""
    return _Fields(response.text).values


def offered(response: httpx.Response, name: str) -> list[str]:
    """Return every value that the inputs of a name have, ticked or not."""
    return _Fields(response.text).offered.get(name, [])


def browse(server: Running, who: SignedIn | None = None) -> Api:
    """Return a client that asks for pages as the person's browser does, without following redirects."""
    client = server.api(None, Accept="text/html", Origin=server.url)
    client.base_url = httpx.URL(server.url)
    if who is not None:
        client.cookies.set(COOKIE, who.secret)
    return client
