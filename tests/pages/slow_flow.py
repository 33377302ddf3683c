"""Python objects that answer slowly, for tests that watch an answer being made."""

import asyncio
import threading

GO_ON = threading.Event()
"""Set it to let `held` finish."""
INTERRUPTED = threading.Event()
"""Set when somebody stopped `held` before its end."""


async def held(question):
    """Yield a piece, wait for `GO_ON`, and yield another."""
    yield "the first half, "
    try:
        while not GO_ON.is_set():
            await asyncio.sleep(0.02)
    except BaseException:
        INTERRUPTED.set()
        raise
    yield "the second half"


def sourced(question):
    """Return text with sources and tools that would be markup, were they not shown as text."""
    return {
        "text": "<b>bold?</b>\n  indented " + question,
        "sourceDocuments": [
            {
                "pageContent": "<img src=x onerror=alert(1)> passage",
                "metadata": {"source": "<i>guide</i>.md"},
            },
            {"pageContent": "another passage", "metadata": {}},
        ],
        "usedTools": [{"tool": "search<script>", "toolInput": {"q": "x"}, "toolOutput": "found"}],
    }


def fail(question):
    """Raise, as an object that is out of order."""
    raise RuntimeError("the password is hunter2")
