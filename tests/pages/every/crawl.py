"""Following every link and seeing every form, as somebody without scripts would who tries it all."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from flowkeys.web.pages import all as pages
from flowkeys.web.routes import NEEDS

MOST_PAGES = 500
_ENDS_IT = re.compile(r"/(sign-out|sign-ins/all/end|sign-ins/others/end)$")
_TAKES_AWAY = re.compile(r"/(remove|delete|revoke|unbind|withdraw|end)$")
_PATTERNS = [
    (route, re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path)))
    for router in pages.ROUTERS
    for route in router.routes
]


@dataclass
class Sending:
    """A form as one of its buttons sends it, untouched: what it was filled in with."""

    path: str
    fields: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Reached:
    """What somebody reached: the answers by address, and the forms that send something."""

    answers: dict[str, httpx.Response] = field(default_factory=dict)
    sendings: dict[str, Sending] = field(default_factory=dict)

    def routes(self) -> set[str]:
        """Return the paths of the routes that answered."""
        return {route_of("GET", urlsplit(address).path)[0] for address in self.answers}

    def refused(self) -> list[str]:
        """Return the addresses that answered that it is not for them."""
        return [address for address, answer in self.answers.items() if answer.status_code == 403]


def crawl(browser: httpx.Client, start: str = "/") -> Reached:
    """Go wherever links and forms that only ask lead to; addresses that differ in values alone are one."""
    reached, seen, waiting = Reached(), set(), deque([start])
    while waiting:
        address = waiting.popleft()
        kind = _kind(address)
        if kind in seen:
            continue
        seen.add(kind)
        assert len(seen) <= MOST_PAGES, "the pages do not end"
        answer = browser.get(address, follow_redirects=True)
        reached.answers[address] = answer
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page = _Page(answer.text)
        waiting += (_local(address, link) for link in page.links if _local(address, link))
        for sending in page.sendings():
            sending.path = _local(address, sending.path)
            reached.sendings.setdefault(sending.path, sending)
    return reached


def send_all(browser: httpx.Client, reached: Reached) -> Iterator[tuple[str, httpx.Response]]:
    """Send every form, those that take something away last; not those that sign the sender out."""
    paths = [path for path in reached.sendings if not _ENDS_IT.search(path)]
    for path in sorted(paths, key=lambda path: bool(_TAKES_AWAY.search(path))):
        yield path, browser.post(path, data=reached.sendings[path].fields)


def route_of(method: str, path: str) -> tuple[str, str]:
    """Return the path of the route that answers, and what it needs.

    Raises:
        StopIteration: there is none.
    """
    return next(
        (route.path, route.openapi_extra[NEEDS])
        for route, pattern in _PATTERNS
        if method in route.methods and pattern.fullmatch(path)
    )


def _kind(address: str) -> tuple[str, frozenset[str]]:
    parts = urlsplit(address)
    return parts.path, frozenset(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))


def _local(base: str, link: str) -> str:
    """Return where a link leads on this server, without a fragment, or an empty text."""
    found = urlsplit(urljoin(base, link))
    is_ours = not found.scheme and not found.netloc and not found.path.startswith("/static/")
    return found._replace(fragment="").geturl() if is_ours else ""


class _Page(HTMLParser):
    """The links and forms of a page. A field belongs to the form around it or to the one that it names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self._forms: dict[str, dict[str, str]] = {}
        self._fields: list[tuple[str, str, str]] = []
        self._buttons: list[tuple[str, str]] = []
        self._form = ""
        self.feed(text)

    def sendings(self) -> Iterator[Sending]:
        """Yield what each button of a form that changes something would send."""
        for key, form in self._forms.items():
            if form.get("method") != "post":
                continue
            fields: dict[str, list[str]] = {}
            for owner, name, value in self._fields:
                if owner == key:
                    fields.setdefault(name, []).append(value)
            targets = {action for owner, action in self._buttons if owner == key and action}
            plain = any(owner == key and not action for owner, action in self._buttons)
            for path in targets | ({form.get("action", "")} if plain or not targets else set()):
                yield Sending(path, fields)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what leads on or is sent."""
        found = {name: value or "" for name, value in attrs}
        owner = found.get("form", self._form)
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if "hx-get" in found:
            self.links.append(found["hx-get"])
        if tag == "form":
            self._form = found.get("id") or f"form {len(self._forms)}"
            self._forms[self._form] = found
            if found.get("method") == "get":
                self.links.append(found.get("action", ""))
        if tag == "button" and found.get("type", "submit") == "submit":
            self._buttons.append((owner, found.get("formaction", "")))
        if tag == "input" and "name" in found and "disabled" not in found:
            self._note(owner, found)

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._form = ""

    def _note(self, owner: str, found: dict[str, str]) -> None:
        kind, name = found.get("type", "text"), found["name"]
        is_many = name == "ids"  # whoever ticks boxes in a list ticks them all
        is_other = kind == "radio" and any((owner, name) == item[:2] for item in self._fields)
        if is_other or (kind == "checkbox" and "checked" not in found and not is_many):
            return
        self._fields.append((owner, name, found.get("value", "")))
