"""Every page that there is, in both themes and on a telephone: accessible, quiet, and not too wide."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from flowkeys.web.pages import all as pages
from flowkeys.web.pages import templating
from scripts.demo_pages import PAGES
from scripts.demo_shown import Shown
from tests.pages.axe import COLOURS, RULES, assert_accessible
from tests.pages.browser import HEIGHTS, NARROW, WIDE
from tests.pages.conftest import Visit
from tests.pages.demo import Demonstration
from tests.pages.fitting import fits
from tests.support.sweeps import share

TEMPLATES = Path(templating.__file__).parents[1] / "templates"
NO_PAGE = {
    "/static/{name}",
    "/keys/new/chatflows",
    "/keys/new/customers",
    "/chatflows/{chatflow_id}/export",
    "/audit/export",
}
"""What is got and is no page: the way to the first one, what pages load, a part of a form, a file to keep."""
ZOOMED = WIDE // 2
"""What a wide window has at 200 %."""
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FRAMES = {"chatflows/new_base.html"}
"""Templates that others fill in."""


def each_template_first() -> list:
    """Return every page; each template once in `make test`, all states of it in `make test-all`."""
    found: list = []
    drawn: set[str] = set()
    for shown in PAGES:
        marks = [pytest.mark.slow] if shown.template in drawn else []
        drawn.add(shown.template)
        found.append(pytest.param(shown, id=shown.name, marks=marks))
    return found


@pytest.mark.parametrize("shown", each_template_first())
def test_a_page_is_accessible_and_quiet_and_fits(
    shown: Shown, shown_off: Demonstration, watch: Visit
) -> None:
    """In both themes axe-core finds nothing; at 200 % and at 390 px it fits; the window saw nothing odd.

    Between the themes only colours change, so that only rules about colours are asked twice. In `make test`
    axe-core is asked of two pages in three, and in one of the two themes, by turns: all share few parts and
    their colours.
    """
    themes = [theme for theme in share((*THEMES, None), PAGES.index(shown), of=3) if theme is not None]
    window = watch(shown_off.at(shown).url, cookies=shown_off.cookies(shown.role))
    for status in {shown.status, shown.refused} - {0, 200}:
        window.allow(f"status of {status}")
    page, before = window.page, len(shown_off.drawn)
    answer = page.goto(shown_off.path(shown))
    assert answer is not None
    assert answer.status == shown.status
    if shown.then is not None:
        shown.then(page)
    assert shown.template in shown_off.drawn[before:]
    assert fits(page)
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        assert_accessible(page, RULES if theme == themes[0] else COLOURS)
    for width in (ZOOMED, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHTS[NARROW]})
        assert fits(page), width


def paths() -> Iterator[str]:
    """Yield the path of every page that can be asked for by its address."""
    for router in pages.ROUTERS:
        yield from (route.path for route in router.routes if "GET" in route.methods)


def patterns() -> dict[str, re.Pattern[str]]:
    """Return what tells which page an address is of, in the order in which the router asks."""
    return {path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"(?:\?.*)?") for path in paths()}


def route_of(shown: Shown) -> str | None:
    """Return the path of the route that answers for a page of the list."""
    address = re.sub(r"^\{(set_up|invitation|reset)\}$", r"/\1/secret", shown.path).replace(
        "set_up", "set-up"
    )
    return next((path for path, pattern in patterns().items() if pattern.fullmatch(address)), None)


def test_every_address_of_a_page_is_in_the_list() -> None:
    """A page that is added is swept and photographed, or this says so."""
    assert set(paths()) - {route_of(shown) for shown in PAGES} == NO_PAGE


def test_every_page_of_the_list_is_one() -> None:
    """But for the one that shows what is said where there is none."""
    assert [shown.name for shown in PAGES if route_of(shown) is None] == ["not-found"]


def test_every_template_of_a_page_is_in_the_list() -> None:
    """Also of what no address leads to: a dialog that asks, a token that is shown, a form sent twice."""
    whole = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if path.read_text("utf-8").startswith("{% extends")
    }
    assert {shown.template for shown in PAGES} == whole - FRAMES


def test_names_in_the_list_are_different() -> None:
    """A picture has the name of its page."""
    names = [shown.name for shown in PAGES]
    assert len(names) == len(set(names))
