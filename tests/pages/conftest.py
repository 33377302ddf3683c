"""One browser for this folder, and windows in it that are watched.

While playwright runs, its event loop counts as the thread's running one: tests here are not async, and the
browser ends with the folder, before another folder's async tests.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.pages.browser import launch
from tests.pages.demo import Demonstration, demonstration
from tests.pages.watched import Watched
from tests.support.people import SignedIn
from tests.support.server import Running
from tests.support.waiting import PATIENCE_MS

Visit = Callable[..., Watched]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium with no window open."""
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="package")
def shown_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """The server that the pictures are taken of, filled once: whoever changes it, makes something new."""
    with demonstration(tmp_path_factory.mktemp("demonstration")) as made:
        yield made


@pytest.fixture
def watch(browser: Browser) -> Iterator[Visit]:
    """Open watched windows on any address: `watch(url, theme=, width=, javascript=, cookies=)`.

    They close after the test, which fails when a check of theirs does.
    """
    opened: list[Watched] = []

    def make(url: str, **options: Any) -> Watched:
        opened.append(Watched(browser, url, **options))
        return opened[-1]

    yield make
    problems = []
    for window in opened:
        problems += window.problems()
        window.close()
    assert problems == []


@pytest.fixture
def visit(watch: Visit, request: pytest.FixtureRequest) -> Visit:
    """Open a path in a new window: `visit("/keys", person(own), at=own, theme=, width=, javascript=)`.

    Without `at` it is the shared server's; without a person nobody is signed in.
    """

    def open_path(
        path: str = "/", who: SignedIn | None = None, *, at: Running | None = None, **options: Any
    ) -> Watched:
        server = at or request.getfixturevalue("server")
        cookies = () if who is None else who.cookies
        return watch(server.url, cookies=cookies, **options).go(path)

    return open_path
