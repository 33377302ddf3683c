"""Photograph every page, in both themes and at three widths, on a server with data that looks lived in.

Usage: python -m scripts.screenshots [--docs] [NAME...]

Writes build/screenshots/NAME-WIDTH-THEME.png; with names, only those. `--docs` also renews the pictures in
docs/images. Fails when a page answers with another status than it should, or a script of it fails.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Page, sync_playwright

from flowkeys.web.requests.sign_in_cookie import COOKIE
from scripts.demo import server
from scripts.demo_fill import ROOT, Demo, fill
from scripts.demo_pages import PAGES
from scripts.demo_shown import Shown
from tests.pages.browser import CHROMIUM, HEIGHTS, MISSING, launch

OUT = ROOT / "build" / "screenshots"
IN_DOCS = {"keys": "keys", "key-new": "create", "chatflow": "chatflow"}
"""Pages that the documentation shows, and their names there: wide, light, and as much as a window shows."""
DOCS = ROOT / "docs" / "images"
LIMIT_BYTES = 200_000


@dataclass(frozen=True)
class Look:
    """One way of looking at pages: width in CSS pixels, theme, pixels for each CSS pixel."""

    width: int
    theme: Any
    scale: int = 1


LOOKS = (
    Look(1440, "light"),
    Look(1440, "dark"),
    Look(390, "light"),
    Look(390, "dark"),
    Look(720, "light", 2),  # a wide window at 200 % zoom
)


def main(arguments: list[str]) -> int:
    """Take the pictures; return the exit code."""
    if CHROMIUM is None:
        print(f"flowkeys: {MISSING}", file=sys.stderr)
        return 1
    names = {name for name in arguments if not name.startswith("-")}
    pages = [page for page in PAGES if not names or page.name in names]
    if unknown := names - {page.name for page in PAGES}:
        print(f"There is no page {', '.join(sorted(unknown))}. There are: {', '.join(p.name for p in PAGES)}")
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="flowkeys-screenshots-") as folder:
        problems = take(Path(folder), pages)
    if "--docs" in arguments:
        problems += copy_for_docs()
    print("\n".join([*problems, f"{len(pages) * len(LOOKS)} pictures are in {OUT.relative_to(ROOT)}"]))
    return 1 if problems else 0


def take(folder: Path, pages: list[Shown]) -> list[str]:
    """Photograph pages; return what went wrong."""
    full, empty = folder / "full", folder / "empty"
    empty.mkdir()
    demo = fill(full)
    problems: list[str] = []
    with server(full) as address, server(empty) as elsewhere, sync_playwright() as playwright:
        set_up = re.search(r"/set-up/\S+", next(empty.rglob("set-up-link")).read_text("utf-8"))
        paths = {**demo.paths(), "set_up": set_up.group() if set_up else "/no-set-up-link"}
        browser = launch(playwright)
        for page in pages:
            at = elsewhere if page.on_empty else address
            for look in LOOKS:
                problems += photograph(browser, at, demo, page, look, page.path.format(**paths))
        browser.close()
    return problems


def photograph(browser: Browser, at: str, demo: Demo, shown: Shown, look: Look, path: str) -> list[str]:
    """Take one picture; return what went wrong."""
    file = f"{shown.name}-{look.width}-{look.theme}.png"
    cookies = [] if shown.role is None else [{"name": COOKIE, "value": demo.sign_ins[shown.role], "url": at}]
    problems: list[str] = []
    with window(browser, at, look, cookies, lambda text: problems.append(f"{file}: {text}")) as page:
        answer = page.goto(path)
        if answer is None or answer.status != shown.status:
            problems.append(f"{file}: {path} answered {answer.status if answer else 'nothing'}")
        elif shown.then is not None:
            try:
                shown.then(page)
            except Error as error:
                problems.append(f"{file}: {error.message.splitlines()[0]}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append(f"{file}: wider than the window")
        whole = page.locator("dialog[open]").count() == 0  # a dialog lies over what is in the window
        page.screenshot(path=OUT / file, full_page=whole, animations="disabled")
        if shown.name in IN_DOCS and look == LOOKS[0]:
            page.screenshot(path=OUT / f"docs-{IN_DOCS[shown.name]}.png", animations="disabled")
    return problems


@contextmanager
def window(
    browser: Browser, at: str, look: Look, cookies: list[Any], report: Callable[[str], None]
) -> Iterator[Page]:
    """Open a window of its own, and report what its scripts throw."""
    context = browser.new_context(
        base_url=at,
        color_scheme=look.theme,
        viewport={"width": look.width, "height": HEIGHTS.get(look.width, 900) // look.scale},
        device_scale_factor=look.scale,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(5_000)
    context.add_cookies(cookies)
    page = context.new_page()
    page.on("pageerror", lambda error: report(str(error)))
    try:
        yield page
    finally:
        context.close()


def copy_for_docs() -> list[str]:
    """Put the chosen pictures where the documentation shows them; return which are too large."""
    DOCS.mkdir(exist_ok=True)
    problems = []
    for called in IN_DOCS.values():
        data = (OUT / f"docs-{called}.png").read_bytes()
        (DOCS / f"{called}.png").write_bytes(data)
        if len(data) >= LIMIT_BYTES:
            problems.append(f"docs/images/{called}.png has {len(data)} bytes; {LIMIT_BYTES} is the limit")
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
