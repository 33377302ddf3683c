"""Predictions and key creations: rounds of each in turn, beside an application that does nothing."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import load, process
from bench.load import Call, Figures
from bench.report import Table
from bench.target import opened
from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.flows.drafts.templates import reply_flow
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import NewKey

CONNECTIONS: Final = 16
MANY_CONNECTIONS: Final = 64
"""With so many there is always somebody to answer while others wait for the disk."""
CALLERS: Final = 32
FLOWISE_PER_SECOND: Final = 22.0
FLOWISE_CPU_MS: Final = 46.0
"""Flowise 3.1.4, the same flow and load, measured earlier on the same kind of machine (44 to 48 ms)."""
FLOWISE_CREATIONS: Final = 22.6
TARGET_RATIO: Final = 300
TARGET_CPU_MS: Final = 0.15
TARGET_CREATIONS: Final = 1000
TARGET_MEMORY_MB: Final = 130

QUESTION: Final = {"question": "Hello"}


def measure(folder: Path, rounds: int, seconds: int) -> list[Table]:
    """Return the tables of throughput and of memory."""
    chatflow, key, owner = prepare(folder / "data")
    path = f"/api/v1/prediction/{chatflow}"
    calls = {
        "predictions": (Call(path, QUESTION, key), CONNECTIONS),
        "predictions, 64 connections": (Call(path, QUESTION, key), MANY_CONNECTIONS),
        "predictions, streamed": (Call(path, {**QUESTION, "streaming": True}, key), CONNECTIONS),
        "predictions, one connection": (Call(path, QUESTION, key), 1),
        "predictions, wrong key": (Call(path, QUESTION, _wrong(key)), CONNECTIONS),
        "keys created": (Call("/api/v1/apikey", {"keyName": "Production Backend Service"}, owner), CALLERS),
    }
    found: dict[str, list[Figures]] = {name: [] for name in ("nothing", *calls)}
    with ExitStack() as stack:
        ours = stack.enter_context(process.flowkeys(folder / "data", folder / "server.log"))
        nothing = stack.enter_context(process.empty(folder / "empty.log"))
        ready = ours.memory_mb()
        for _ in range(rounds):
            idle = Call("/", QUESTION, key)
            found["nothing"].append(load.press(nothing, idle, CONNECTIONS, seconds, folder))
            for name, (call, connections) in calls.items():
                refused = name.endswith("wrong key")
                found[name].append(load.press(ours, call, connections, seconds, folder, refused=refused))
        after, most = ours.memory_mb(), ours.memory_mb("VmHWM")
    medians = {name: load.median(items) for name, items in found.items()}
    return [_throughput(medians), _against_flowise(medians), _memory(ready, after, most)]


def _throughput(medians: dict[str, Figures]) -> Table:
    table = Table(
        "One process on one core",
        ("", "a second", "p50 ms", "p99 ms", "CPU ms each", "of an empty app"),
        note="The last column is answers for a second of processor time, against an ASGI application that "
        "does nothing on the same uvicorn, in the same run. Both messages of each prediction are stored "
        "durably before its answer.",
    )
    yardstick = medians["nothing"].per_cpu_second
    for name, item in medians.items():
        label = "empty ASGI application" if name == "nothing" else name
        ratio = f"{item.per_cpu_second / yardstick:.2f}"
        times = (f"{item.p50_ms:.2f}", f"{item.p99_ms:.1f}", f"{item.cpu_ms:.3f}")
        table.add(label, f"{item.per_second:,.0f}", *times, ratio)
    return table


def _against_flowise(medians: dict[str, Figures]) -> Table:
    table = Table(
        "Against Flowise 3.1.4",
        ("", "here", "Flowise", "times", "target"),
        note="Flowise's figures were measured earlier on the same kind of machine, not in this run.",
    )
    made = medians["keys created"]
    for asked, connections in (
        (medians["predictions"], CONNECTIONS),
        (medians["predictions, 64 connections"], MANY_CONNECTIONS),
    ):
        name = f"predictions a second, {connections} connections"
        table.compare(name, asked.per_second, FLOWISE_PER_SECOND, TARGET_RATIO)
        ratio = FLOWISE_CPU_MS / asked.cpu_ms
        verdict = table.verdict(f"≤ {TARGET_CPU_MS} ms", met=asked.cpu_ms <= TARGET_CPU_MS)
        figures = f"{asked.cpu_ms:.3f}", f"{FLOWISE_CPU_MS:.0f}", f"{ratio:.0f}"
        table.add(f"CPU ms a prediction, {connections} connections", *figures, verdict)
    ratio = made.per_second / FLOWISE_CREATIONS
    verdict = table.verdict(f"> {TARGET_CREATIONS:,} a second", met=made.per_second > TARGET_CREATIONS)
    here, there = f"{made.per_second:,.0f}", f"{FLOWISE_CREATIONS}"
    table.add("keys created a second, 32 callers", here, there, f"{ratio:.0f}", verdict)
    return table


def _memory(ready: float, after: float, most: float) -> Table:
    table = Table("Memory", ("", "MB", "Flowise", "target"))
    for name, value, theirs in (
        ("ready", ready, "891"),
        ("after the load", after, "1,500"),
        ("at most", most, ""),
    ):
        verdict = table.verdict(f"< {TARGET_MEMORY_MB} MB", met=value < TARGET_MEMORY_MB)
        table.add(name, f"{value:.0f}", theirs, verdict)
    return table


def prepare(data_dir: Path, **settings: str) -> tuple[str, str, str]:
    """Return the id of Start → Direct Reply, the token that opens it, and the owner's."""
    with opened(data_dir, **settings) as target:
        runtime, caller, run = target.runtime, target.caller, target.run
        patch = ChatflowPatch(
            name="Echo", type=ChatflowType.AGENTFLOW, flow_data=reply_flow("You said: {{ question }}")
        )
        chatflow = run(runtime.chatflows.create(caller, patch)).chatflow.id
        key = run(runtime.keyring.create(caller, NewKey(name="caller", chatflow_ids=(chatflow,))))
        owner = run(runtime.keyring.create(caller, NewKey(name="owner", permissions=frozenset({"*"}))))
        return chatflow, key.token.reveal(), owner.token.reveal()


def _wrong(token: str) -> str:
    return token[:10] + ("b" if token[10] == "a" else "a") + token[11:]
