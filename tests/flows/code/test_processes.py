"""Code in its processes: what it returns, and what it does not get hold of however it tries."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from flowkeys.flows.code.processes import CodeProcesses
from flowkeys.flows.code.wire import Answer, CodeFailed, Job, Request
from flowkeys.flows.settings import FlowSettings
from tests.support.waiting import soon

LIMITS = FlowSettings(
    code_seconds=0.3, code_memory_bytes=24 << 20, code_output_bytes=100_000, code_processes=2
)
NOW = 1_795_984_728_938
DATE = '"1970-01-01T00:00:00.000Z"'


@pytest.fixture
async def processes() -> AsyncIterator[CodeProcesses]:
    """Processes with narrow limits."""
    made = CodeProcesses(LIMITS)
    yield made
    await made.aclose()


async def nowhere(request: Request) -> Answer:
    """Answer a call with what was asked for."""
    body = json.dumps({"method": request.method, "url": request.url, "body": request.body})
    return Answer(run=request.run, id=request.id, status=200, reason="OK", body=body, url=request.url)


async def ran(processes: CodeProcesses, code: str, **given: Any) -> Any:
    """Run code, and return what stands for its node, or why it failed."""
    try:
        found = await processes.run(Job(code, json.dumps(given), NOW), nowhere)
    except CodeFailed as error:
        return f"failed: {error}"
    return found.content


async def test_what_is_returned_is_printed_as_flowise_does(processes: CodeProcesses) -> None:
    """Objects are JSON of two spaces, and so are texts that are JSON; a stream has what was returned."""
    for code, token, content, text in (
        ("return {a: 1}", '{\n  "a": 1\n}', '{\n  "a": 1\n}', '{"a":1}'),
        ("return '{\"a\": 1}'", '{"a": 1}', '{\n  "a": 1\n}', '{"a":1}'),
        ("return 'text'", "text", "text", "text"),
        ("return 0", None, 0, "0"),
        ("return true", True, True, "true"),
        ("return null", None, "null", "null"),
        ("return new Date(0)", DATE, DATE, DATE),
        ("return '\\ud800'", "\ufffd", "\ufffd", "\ufffd"),
        ("return $a + $b // as said", 5, 5, "5"),
        ("return await new Promise(done => setTimeout(done, 1, 'later'))", "later", "later", "later"),
    ):  # fmt: skip
        found = await processes.run(Job(code, '{"$a": 2, "$b": 3}', NOW), nowhere)
        assert (found.token, found.content, found.text) == (token, content, text), code


def test_it_runs_on_the_event_loop_that_servers_have() -> None:
    """Which has transports of its own."""

    async def run() -> Any:
        made = CodeProcesses(LIMITS)
        try:
            return await ran(made, "return (await fetch('http://a.example')).status")
        finally:
            await made.aclose()

    assert uvloop.run(run()) == 200


async def test_what_fails_says_why(processes: CodeProcesses) -> None:
    """What was thrown, what is not there, and which limit it was."""
    for code, words in (
        ("throw new Error('boom')", "Error: boom"),
        ("throw {a: 1}", "[object Object]"),
        ("return nosuch.x", "ReferenceError: nosuch is not defined"),
        ("return ((", "SyntaxError"),
        ("return require('fs')", "Cannot find module 'fs'"),
        ("return process.env", "process is not defined"),
        ("return Buffer.from('')", "Buffer is not defined"),
        ("return performance.now()", "performance is not defined"),
        ("return new SharedArrayBuffer(1)", "SharedArrayBuffer is not defined"),
        ("return await import('fs')", "could not load module"),
    ):
        assert words in await ran(processes, code), code


async def test_ways_out_are_closed(processes: CodeProcesses) -> None:
    """No text becomes code, whichever way it is led to; nothing of one run is in the next."""
    for code in (
        "return eval('1')",
        "return Function('return 1')()",
        "return this.constructor.constructor('return process')()",
        "return (async () => {}).constructor('return 1')()",
        "return (function* () {}).constructor('return 1')()",
        "return Reflect.getPrototypeOf(async function* () {}).constructor('return 1')()",
        "try { null.x } catch (e) { return e.constructor.constructor('return 1')() }",
        "return require.constructor('return process')()",
    ):
        assert "texts are not run as code" in await ran(processes, code), code
    left = (
        "Object.prototype.left = globalThis.kept = 1; Array.prototype.push = Promise.prototype.then = null;"
    )
    assert await ran(processes, f"{left} JSON.stringify = () => 'mine'; return 'ok'") == "ok"
    assert (
        await ran(processes, "return [typeof kept, typeof ({}).left, [].push(1)].join()")
        == "undefined,undefined,1"
    )
    assert processes.count == 1


async def test_limits_end_what_goes_too_far_and_others_go_on(processes: CodeProcesses) -> None:
    """Time, memory, depth and length, and promises that nothing settles; then the next code runs."""
    for code, words in (
        ("for (;;);", "computed for longer"),
        ("for (;;) await null", "computed for longer"),
        ("Promise.resolve().then(() => { for (;;); }); await 1; return 'never'", "computed for longer"),
        ("try { for (;;); } catch { return 'caught' }", "computed for longer"),
        ("return /^(a+)+$/.test('a'.repeat(40) + 'b')", "computed for longer"),
        ("const a = []; for (;;) a.push('x'.repeat(10000) + a.length)", "needs more than the 24 MB"),
        ("return 'x'.repeat(1 << 29)", "needs more than the 24 MB"),
        ("return new ArrayBuffer(1 << 30)", "needs more than the 24 MB"),
        ("const f = () => f(); f()", "Maximum call stack size exceeded"),
        ("let o = []; for (let i = 0; i < 1e5; i++) o = [o]; return o", ""),
        ("return 'x'.repeat(200000)", "returns more than the 100000 bytes"),
        ("await new Promise(() => {})", "a promise that nothing settles"),
        ("const o = {}; o.o = o; return o", "circular"),
        ("throw {toString() { throw 1 }}", "cannot be shown"),
    ):
        said = await ran(processes, code)
        assert said.startswith("failed"), (code, said)
        assert words in said, (code, said)
        assert await ran(processes, "return 'well'") == "well"


async def test_time_stands_still_while_code_runs(processes: CodeProcesses) -> None:
    """The clock goes on in steps, and only where the code waits: it measures nobody."""
    code = """const at = Date.now(); for (let i = 0; i < 1e5; i++);
        return [Date.now() - at, at % 100, +new Date() - at]"""
    assert json.loads(await ran(processes, code)) == [0, 0, 0]


async def test_calls_go_out_through_the_server_alone(processes: CodeProcesses) -> None:
    """`fetch`, axios and node-fetch ask for what the server then does."""
    post = json.dumps({"method": "POST", "url": "http://up.example/x?q=a+b", "body": '{"a":1}'})
    get = json.dumps({"method": "GET", "url": "http://up.example/", "body": None})
    for code, asked in (
        ("return (await fetch('http://up.example/')).text()", get),
        ("return (await require('node-fetch')('http://up.example/')).json()", get),
        ("return (await require('axios').post($at + 'x', {a: 1}, {params: {q: 'a b'}})).data", post),
    ):
        assert json.loads(await ran(processes, code, **{"$at": "http://up.example/"})) == json.loads(asked)
    # Nobody waits for this one; its answer does not come to the next run.
    assert await ran(processes, "fetch('http://first.example/'); return 1") == 1
    found = await ran(processes, "return (await (await fetch('http://second.example/')).json()).url")
    assert found == "http://second.example/"


async def test_many_at_once_share_few_processes_and_what_is_given_up_ends(processes: CodeProcesses) -> None:
    """Each has its own variables; a run that is cancelled takes its process with it."""
    found = await asyncio.gather(*(ran(processes, "return $n", **{"$n": n}) for n in range(100)))
    assert found == list(range(100))
    assert 1 <= processes.count <= 2
    before = processes.count
    task = asyncio.create_task(processes.run(Job("for (;;);", "{}", NOW), nowhere))
    await soon(lambda: len(processes._idle) < before, "it runs")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes.count == before - 1
    assert await ran(processes, "return 'well'") == "well"


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="what a process may do is read in /proc")
async def test_a_process_has_no_way_to_files_and_the_network(processes: CodeProcesses) -> None:
    """It can open nothing new, start nothing, and knows none of the server's environment."""
    os.environ["FLOWKEYS_TEST_SECRET"] = "secret"
    try:
        assert await ran(processes, "return 1") == 1
        (own,) = (process for process in processes._idle)
        at = Path(f"/proc/{own._process.pid}")
        limits = {
            line[:26].strip(): line[26:].split()[0] for line in at.joinpath("limits").read_text().splitlines()
        }
        assert (limits["Max open files"], limits["Max processes"], limits["Max file size"]) == ("3", "0", "0")
        assert int(limits["Max address space"]) < 1 << 30
        assert b"secret" not in at.joinpath("environ").read_bytes()
        assert sorted(file.name for file in (at / "fd").iterdir()) == ["0", "1", "2"]
        own.end()
        await soon(lambda: own._process.returncode is not None, "the process ends")
    finally:
        del os.environ["FLOWKEYS_TEST_SECRET"]
