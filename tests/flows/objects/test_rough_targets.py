"""Whatever a Python object raises or does, its own call fails and the server goes on."""

import asyncio
import subprocess
import sys

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.drafts.templates import python_flow
from flowkeys.flows.settings import FlowSettings
from tests.flows.objects import rough_targets
from tests.flows.objects.rough_targets import MADE
from tests.flows.support import call, chatflow, engine, run
from tests.support.waiting import PATIENCE_SECONDS, patience


async def ask(name, module="objects.rough_targets"):
    """Run Start → Python."""
    target = f"tests.flows.{module}:{name}"
    return await run(python_flow(target), call(history=[]), settings=FlowSettings(python_targets=(target,)))


@pytest.mark.parametrize("name", MADE)
async def test_what_would_end_a_process_or_a_stream_ends_the_call(name):
    """SystemExit, KeyboardInterrupt, GeneratorExit and an unasked cancellation fail the node by its label.

    In functions, generators, Runnables and graphs, async or not, and in tasks that those make.
    """
    async with patience("the end of a call"):
        with pytest.raises(UpstreamFailed, match=r"Python 0: the Python object raised \w+\."):
            await ask(name)
    await asyncio.sleep(0)


async def test_a_module_that_exits_when_imported_fails_its_call():
    """`sys.exit` at import time is a failure like any other."""
    with pytest.raises(UpstreamFailed, match=r"could not be imported \(SystemExit\)"):
        await ask("x", "exits_when_imported")


async def test_half_a_character_becomes_the_replacement_character():
    """A lone surrogate cannot be encoded: U+FFFD stands for it, in the text, the documents and the tools."""
    ran = await ask("surrogate")
    assert ran.result.text == "a\ufffdb"
    document = {"pageContent": "\ufffd", "metadata": {"\ufffd": ["\ufffd", "é😀"]}}
    assert ran.result.source_documents == [document]


async def test_a_requested_cancellation_still_cancels_a_thread_and_the_engine_closes_at_once():
    """The call ends while the function hangs, and so does the engine."""
    target = "tests.flows.objects.rough_targets:hang"
    made = engine(FlowSettings(python_targets=(target,)))

    async def emit(event):
        pass

    running = asyncio.create_task(made.compile(chatflow(python_flow(target))).run(call(), emit))
    async with patience("the end of a run that was cancelled"):
        await rough_targets.hangs()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await made.aclose()


PROGRAM = """
import asyncio, sys
sys.path.insert(0, ".")
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.drafts.templates import python_flow
from tests.flows.objects import rough_targets
from tests.flows.support import call, chatflow, engine

async def emit(event):
    pass

async def main():
    target = "tests.flows.objects.rough_targets:hang"
    made = engine(FlowSettings(python_targets=(target,)))
    running = asyncio.create_task(made.compile(chatflow(python_flow(target))).run(call(), emit))
    await rough_targets.hangs()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.aclose()

asyncio.run(main())
"""


def test_a_process_ends_although_a_function_hangs():
    """Threads of callables are daemons: Ctrl-C does not wait for them."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
