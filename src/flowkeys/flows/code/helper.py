"""The process that runs code of chatflows: ``python -I -S helper.py <engine's file> <memory bytes>``.

It knows nothing of the server. Before the first code comes it gives up new files, and with them the network,
other processes, and more memory than its share. Each run has an engine of its own, made for it and gone after
it; the code in it can reach no function of this process. What is said to it and by it are frames: a length of
four bytes, then one JSON value. Standard library only, and little of it: each process pays for what it loads.
"""

import json
import os
import resource
import select
import sys
import time
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, Final

_LENGTH: Final = 4
_READ: Final = 1 << 16
_STACK_BYTES: Final = 512 * 1024
_SPARE_BYTES: Final = 64 * 1024 * 1024
"""What the process itself may come to use beside a run's share."""
_DATE_MS: Final = 100
"""Steps in which the time goes on that code sees."""
_LONGEST_WAIT: Final = 3600.0
_NETWORK: Final = ("require", "fetch", "Headers", "URLSearchParams")


class _Over(Exception):
    """A run took more than it may: ``time``, ``memory``; or it waits for nothing: ``unsettled``."""


class _Pipe:
    """The way to the server: a socket that is standard input."""

    def __init__(self) -> None:
        self._buffered = bytearray()

    def read(self, seconds: float | None) -> dict[str, Any] | None:
        """Return the next frame, or None when there is none in time; ends the process with the server's."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            held = self._buffered
            if len(held) >= _LENGTH:
                end = _LENGTH + int.from_bytes(held[:_LENGTH], "big")
                if len(held) >= end:
                    frame: dict[str, Any] = json.loads(bytes(held[_LENGTH:end]))
                    del held[:end]
                    return frame
            if until is not None and not select.select([0], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            read = os.read(0, _READ)
            if not read:
                os._exit(0)
            held += read

    def write(self, text: str) -> None:
        """Send one JSON value."""
        body = text.encode("utf-8", "surrogatepass")
        left = memoryview(len(body).to_bytes(_LENGTH, "big") + body)
        while left:
            left = left[os.write(0, left) :]


class _Run:
    """One run of code."""

    def __init__(self, engine: Any, prelude: str, memory: int) -> None:
        """Make its engine, before it is known what is to run: whoever asks does not wait for that."""
        self._engine = engine
        context = self._context = engine.Context()
        context.set_memory_limit(memory)
        context.set_max_stack_size(_STACK_BYTES)
        self._world = context.eval(prelude)

    def result(self, pipe: _Pipe, network: str, job: dict[str, Any]) -> str:
        """Run it to its end, and return what is to be told."""
        self._pipe = pipe
        self._job = job
        self._began = time.monotonic()
        self._left = float(job["seconds"])
        self._used = time.process_time()
        self._tell_time()
        if any(word in job["code"] for word in _NETWORK):
            self._call("network", network)
        self._call("start", job["given"])
        # As the body of a function, as Flowise has it; the line break ends a comment at its end.
        self._call("run", self._eval(f"(async function () {{{job['code']}\n}})"))
        while True:
            self._drain()
            state = str(self._call("state"))
            if state.startswith('{"failed":"InternalError: out of memory'):
                raise _Over("memory")
            if state.startswith(('{"done"', '{"failed"')):
                return state
            self._go_on(json.loads(state))

    def _go_on(self, state: dict[str, Any]) -> None:
        """Let what the code waits for happen: an answer to a call, or a time."""
        for request in state["out"]:
            self._pipe.write(json.dumps({"call": {**request, "run": self._job["run"]}}))
        due = state["next"]
        if due is None and not state["waiting"]:
            raise _Over("unsettled")
        wait = None
        if due is not None:
            wait = min(max(0.0, (due - self._now()) / 1000), _LONGEST_WAIT)
        brought = self._pipe.read(wait) if state["waiting"] or wait else None
        if brought is not None and brought["run"] != self._job["run"]:
            return  # for an earlier run, which did not wait for it
        self._tell_time(due if brought is None else None)
        if brought is not None:
            self._call("answer", json.dumps(brought))
        else:
            self._call("tick")

    def _now(self) -> float:
        """Return the milliseconds that timers and the code's clock count in."""
        return float(self._job["now"]) + (time.monotonic() - self._began) * 1000

    def _tell_time(self, due: float | None = None) -> None:
        now = self._now() // _DATE_MS * _DATE_MS
        self._call("time", now if due is None else max(now, due))

    def _drain(self) -> None:
        while True:
            self._allow()
            if not self._guarded(self._context.execute_pending_job):
                return

    def _eval(self, code: str) -> Any:
        self._allow()
        return self._guarded(self._context.eval, code)

    def _call(self, name: str, *given: Any) -> Any:
        self._allow()
        return self._guarded(self._world, name, *given)

    def _allow(self) -> None:
        """Give the next piece of work what is left of the run's processor time."""
        used = time.process_time()
        self._left -= used - self._used
        self._used = used
        if self._left <= 0:
            raise _Over("time")
        self._context.set_time_limit(self._left)

    def _guarded(self, call: Any, *given: Any) -> Any:
        try:
            return call(*given)
        except self._engine.JSException as error:
            words = str(error)
            if words.startswith("InternalError: interrupted"):
                raise _Over("time") from None
            if words.startswith("InternalError: out of memory"):
                raise _Over("memory") from None
            raise


def main() -> None:
    """Run code until the server hangs up."""
    engine_file, memory = sys.argv[1], int(sys.argv[2])
    here = Path(__file__).resolve().parent
    prelude, network = ((here / name).read_text("utf-8") for name in ("prelude.js", "network.js"))
    loader = ExtensionFileLoader("_quickjs", engine_file)
    spec = spec_from_loader("_quickjs", loader)
    assert spec is not None
    engine = module_from_spec(spec)
    loader.exec_module(engine)
    _confine(memory)
    pipe = _Pipe()
    run: _Run | None = None
    while True:
        run = run or _Run(engine, prelude, memory)
        job = pipe.read(None)
        if job is None or "code" not in job:
            continue  # an answer that no run waits for any more
        _allow_processor_time(job["seconds"])
        try:
            told = run.result(pipe, network, job)
        except _Over as over:
            told = json.dumps({"over": str(over)})
        except (engine.JSException, engine.StackOverflow) as error:
            told = json.dumps({"failed": str(error).partition("\n")[0]})
        except MemoryError:
            told = '{"over": "memory"}'
        run = None
        pipe.write(told if len(told) <= job["output"] else '{"over": "output"}')


def _confine(memory: int) -> None:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    own = pages * resource.getpagesize()
    limits = (
        (resource.RLIMIT_AS, own + memory + _SPARE_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    )
    for limit, most in limits:
        resource.setrlimit(limit, (most, most))


def _allow_processor_time(seconds: float) -> None:
    """End the process where the engine's own limit does not: in what it never looks up from."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime + seconds) + 2, most))


if __name__ == "__main__":
    main()
