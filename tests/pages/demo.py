"""The server that the pictures are taken of, for tests that go over every page."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from flowkeys.web.pages import call
from flowkeys.web.requests.sign_in_cookie import COOKIE
from scripts.demo_fill import Demo, fill
from scripts.demo_shown import Shown
from tests.support.databases import settings
from tests.support.server import Running


@dataclass(frozen=True)
class Demonstration:
    """A server that is filled and one that nobody has used yet."""

    server: Running
    empty: Running
    demo: Demo
    drawn: list[str] = field(default_factory=list)
    """The names of the templates that were drawn, in order."""

    def at(self, shown: Shown) -> Running:
        """Return the server that a page is on."""
        return self.empty if shown.on_empty else self.server

    def path(self, shown: Shown) -> str:
        """Return a page's path."""
        link = self.empty.do(self.empty.runtime.links.set_up_link())
        return shown.path.format(**self.demo.paths(), set_up=f"/set-up/{link.reveal()}")

    def cookies(self, role: str | None) -> list[dict[str, str]]:
        """Return the cookies of somebody's browser."""
        if role is None:
            return []
        return [{"name": COOKIE, "value": self.demo.sign_ins[role], "url": self.server.url}]


@contextmanager
def demonstration(folder: Path) -> Iterator[Demonstration]:
    """Fill a server for all that look at it."""
    with ThreadPoolExecutor(1) as thread:  # in this one playwright's event loop runs
        demo = thread.submit(fill, folder / "full", **settings(folder / "full")).result()
    servers = [Running(folder / name).start() for name in ("full", "empty")]
    made = Demonstration(*servers, demo)
    draw = call.draw

    def noted(template: str, **context: Any) -> str:
        made.drawn.append(template)
        return draw(template, **context)

    with mock.patch.object(call, "draw", noted):
        yield made
    for server in servers:
        server.stop()
