"""How many instructions a call takes within the process, by valgrind: no neighbour spoils that.

What the kernel does for it is not in it. It takes minutes, and is measured when it is asked for.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.life import in_connection
from bench.life.subject import FORWARD_AUTH, FULL, HERE, PLAIN, PREDICTION, VERIFY, started
from bench.load import Call
from bench.report import Table

_COUNTS: Final = {FORWARD_AUTH: (4_000, 16_000), VERIFY: (4_000, 16_000), PREDICTION: (400, 3_600)}
_TOTAL: Final = re.compile(r"^totals: (\d+)$", re.MULTILINE)
_SECONDS: Final = 600


def measure(folder: Path, beside: Path | None) -> Iterator[Table]:
    """Return the table; `beside` is another checkout, with an environment of its own in ``.venv``."""
    there = "" if beside is None else f", and {beside.name}"
    table = Table(
        f"Instructions a call, within the process{there}",
        ("", "without", "with all", "ratio", "other checkout", "with all: ratio to that"),
        note="valgrind --tool=callgrind, thousands; the kernel's are not counted, and no socket is read.",
    )
    if shutil.which("valgrind") is None:
        table.note = "Not measured: there is no valgrind here (apt install valgrind)."
        yield table
        return
    ours = _calls(folder / "ours", HERE, plain_only=False)
    theirs = {}
    if beside is not None:
        theirs = _calls(folder / "theirs", beside / ".venv" / "bin", plain_only=True)
    for what in _COUNTS:
        plain = _instructions(folder / "ours", HERE, what, ours[what, PLAIN])
        full = _instructions(folder / "ours", HERE, what, ours[what, FULL])
        cells = [what, f"{plain:.1f}", f"{full:.1f}", f"{full / plain:.3f}", "", ""]
        if beside is not None:
            other = _instructions(folder / "theirs", beside / ".venv" / "bin", what, theirs[what, PLAIN])
            cells[4:] = [f"{other:.1f}", f"{full / other:.3f}"]
        table.add(*cells)
    yield table


def _calls(folder: Path, programs: Path, *, plain_only: bool) -> dict[tuple[str, str], Call]:
    with started(folder, programs, plain_only=plain_only) as subject:
        return subject.calls


def _instructions(folder: Path, programs: Path, what: str, call: Call) -> float:
    """Return thousands of instructions a call: between a run with some calls and one with more."""
    few, many = _COUNTS[what]
    request = folder / "request"
    request.write_bytes(_request(call))
    return (
        (_run(folder, programs, request, many) - _run(folder, programs, request, few)) / (many - few) / 1000
    )


def _run(folder: Path, programs: Path, request: Path, count: int) -> int:
    data, counted = folder / "copy", folder / "counted"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(folder / "data", data)
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counted}", programs / "python"]
    subprocess.run(
        [*command, "-P", in_connection.__file__, data, request, str(count)],
        # The same seed, or importing differs by more than some calls.
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=True,
        capture_output=True,
        timeout=_SECONDS,
    )
    found = _TOTAL.search(counted.read_text("utf-8", "replace"))
    assert found is not None
    return int(found[1])


def _request(call: Call) -> bytes:
    body = b"" if call.body is None else json.dumps(call.body).encode()
    method = "GET" if call.body is None else "POST"
    lines = [
        f"{method} {call.path} HTTP/1.1",
        "Host: 127.0.0.1:8000",
        "Content-Type: application/json",
        f"Authorization: {call.scheme} {call.token}",
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
