"""A workspace with an owner at a browser, and whoever a test adds to it."""

import re
from typing import Any

import httpx

from flowkeys.domain.errors import NotFound
from tests.pages.forms import browse
from tests.pages.place import Place
from tests.pages.reading import words
from tests.support.flows import make_key
from tests.support.people import SignedIn
from tests.support.server import Api, Running


class Team:
    """A workspace of its own: an owner at a browser, and whoever is added."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.place = Place(server)
        self.ada = self.add("owner", name="Ada")
        self.pages = self.browser(self.ada)

    def add(self, role: str = "member", **options: Any) -> SignedIn:
        """Add somebody."""
        return self.place.person(role, **options)

    def browser(self, who: SignedIn) -> Api:
        """Return somebody's browser."""
        return browse(self.server, who)

    def held(self, who: SignedIn) -> set[str]:
        """Return what somebody holds now; nothing when they are gone."""
        try:
            found = self.server.do(self.server.runtime.people.get(self.place.caller, who.person.id))
        except NotFound:
            return set()
        return set(found.held())

    def key(self, who: SignedIn, name: str, **members: Any) -> dict[str, Any]:
        """Let somebody make a key."""
        return make_key(self.server.api(None, **who.headers), name, **members)

    def works(self, key: dict[str, Any]) -> bool:
        """Tell whether a key is good."""
        return self.server.api(key["apiKey"]).post("/apikey/verify", json={}).status_code == 200


def invited(answer: httpx.Response) -> str:
    """Return the path of the link that an answer shows."""
    assert answer.status_code == 200, words(answer)
    (path,) = re.findall(r"/invitation/[0-9A-Za-z_-]{43}", answer.text)
    return str(path)


def row(page: httpx.Response, name: str) -> str:
    """Return the part of the list that is about somebody."""
    found: str
    (found,) = [part for part in re.findall(r"<tr>.*?</tr>", page.text, re.DOTALL) if name in part]
    return found
