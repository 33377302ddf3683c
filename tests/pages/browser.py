"""Debian's chromium, driven by playwright: where it is, how it starts, and how wide its windows are."""

import shutil

import pytest
from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The same engine without what surrounds a window, which is half of the work, where Debian has it apart."""
MISSING = "chromium is not installed: make tools"

ARGUMENTS = (
    "--disable-quic",
    "--disable-gpu",
    # Windows come and go by hundreds: a sixth of what each costs is the start of processes for it alone.
    "--in-process-gpu",
    "--renderer-process-limit=1",
    "--no-proxy-server",
    # No name is looked up: whatever a page, or the browser itself, asks another machine for fails at once.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""Beside what playwright adds by itself: a fresh profile, headless, no updates, no background requests."""

WIDE = 1440
NARROW = 390
"""Widths in CSS pixels: a desktop's and a phone's."""
HEIGHTS = {WIDE: 900, NARROW: 844}

light_and_dark = pytest.mark.parametrize("theme", ["light", "dark"])
wide_and_narrow = pytest.mark.parametrize("width", [WIDE, NARROW])
narrow = pytest.mark.parametrize("width", [pytest.param(WIDE, marks=pytest.mark.slow), NARROW])
"""Where there is least room, and wide in the slow run, for what others do wide."""


def launch(playwright: Playwright) -> Browser:
    """Start chromium, or skip the test that needs it."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
