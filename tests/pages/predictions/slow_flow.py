"""Python objects that tests watch while they answer, and what they left behind."""

import asyncio
import threading

from tests.support.waiting import PATIENCE_SECONDS

GO_ON = threading.Event()
"""Set it to let `held` say the rest."""
STOPPED = threading.Event()
"""Set when `held` was stopped before its end."""


async def held(question):
    """Yield a piece, wait for `GO_ON`, and yield another."""
    yield "the first half, "
    try:
        await asyncio.to_thread(GO_ON.wait, PATIENCE_SECONDS)
    except BaseException:
        STOPPED.set()
        GO_ON.set()  # the thread waits no longer
        raise
    yield "the second half"


def sourced(question):
    """Return text, sources and tools that would be markup, were they not shown as text."""
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
