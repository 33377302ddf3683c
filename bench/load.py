"""wrk, on the other core: how many answers a second, how long they take, and what they cost the server."""

import json
import re
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.process import CLIENT_CORE, Process, pinned

_LUA = """
wrk.method = "{method}"
wrk.body = {body}
{headers}
{turns}
function done(summary, latency, requests)
  io.write(string.format('{{"requests": %d, "microseconds": %d, "p50": %f, "p99": %f, "errors": %d}}',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""

_TURNS = """
local calls, at = {}, 0
function init(arguments)
  for token in io.lines(TOKENS) do
    wrk.headers["Authorization"] = "SCHEME " .. token
    calls[#calls + 1] = wrk.format()
  end
end
function request()
  at = at % #calls + 1
  return calls[at]
end
"""


@dataclass(frozen=True)
class Call:
    """One call, repeated."""

    path: str
    body: Mapping[str, object] | None = None
    token: str | None = None
    scheme: str = "Bearer"
    tokens: Path | None = None
    """A file of tokens that are sent in turn, one a line."""

    def script(self) -> str:
        """Return wrk's script for it."""
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"{self.scheme} {self.token}"
        turns = _TURNS.replace("SCHEME", self.scheme).replace("TOKENS", json.dumps(str(self.tokens)))
        return _LUA.format(
            method="GET" if self.body is None else "POST",
            body="nil" if self.body is None else json.dumps(json.dumps(self.body)),
            headers="\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()),
            turns="" if self.tokens is None else turns,
        )


@dataclass(frozen=True)
class Figures:
    """What one round, or the median of some, came to."""

    per_second: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float

    @property
    def per_cpu_second(self) -> float:
        """Answers for a second of the server's processor time: the figure that noise spoils least."""
        return 1000 / self.cpu_ms


def press(
    server: Process, call: Call, connections: int, seconds: int, folder: Path, *, refused: bool = False
) -> Figures:
    """Repeat a call over some connections for some seconds; every answer must be a good one, or a refusal."""
    script = folder / "call.lua"
    script.write_text(call.script(), "utf-8")
    before = server.cpu_seconds()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), server.url + call.path]
    result = subprocess.run(
        [*pinned(CLIENT_CORE), *command], capture_output=True, text=True, check=True, timeout=seconds + 30
    )
    used = server.cpu_seconds() - before
    found = re.search(r"\{\"requests.*\}", result.stdout)
    if found is None:
        raise RuntimeError(f"wrk said: {result.stdout} {result.stderr}")
    said = json.loads(found[0])
    count = said["requests"]
    if said["errors"] != (count if refused else 0):
        raise RuntimeError(f"{said['errors']} of {count} calls of {call.path} failed")
    return Figures(count / said["microseconds"] * 1e6, used / count * 1000, said["p50"], said["p99"])


def median(rounds: list[Figures]) -> Figures:
    """Return the middle of some rounds, each figure by itself."""
    names = ("per_second", "cpu_ms", "p50_ms", "p99_ms")
    return Figures(*(statistics.median(getattr(item, name) for item in rounds) for name in names))
