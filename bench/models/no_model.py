"""What flows cost that ask no model: eight nodes, and one that runs code."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import process
from bench.models.answers import CONNECTIONS, Round, median, pressed
from bench.models.contenders import predicting
from bench.process import Process
from bench.report import Table
from bench.target import opened
from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import NewKey
from tests.flows.support import chain, edge, flow_data, node

CPU_MS: Final = 0.6
MORE_MS: Final = 1.0
"""So much more a custom function may cost."""
LATE_MS: Final = 50.0
"""So late may be one reply of a hundred beside functions: they share a core with the server."""
_TOGETHER: Final = 100
_SAID: Final = "so it ends"
_REPLY: Final = node("directReplyAgentflow_0", {"directReplyMessage": _SAID})
_CODE: Final = "const all = $input.split('').reverse(); return `${all.length} so it ends`;"


def measure(stack: ExitStack, folder: Path, rounds: int, seconds: int) -> Iterator[Table]:
    """Return the tables."""
    server, requests = _started(stack, folder / "no-model")
    found: dict[str, list[Round]] = {name: [] for name in requests}
    for number in range(rounds + 1):
        for name, request in requests.items():
            taken = pressed(server, request, seconds, _SAID)
            if number:  # the first round warms
                found[name].append(taken)
    middle = {name: median(taken) for name, taken in found.items()}
    table = Table(
        "Agentflows without a model, behind a key",
        ("", "a second", "p50 ms", "CPU ms each", "target"),
        note=f"{CONNECTIONS} connections; each answer is stored durably, with what its nodes did. The "
        "processor time is that of the server and of the processes that run code, all on one core.",
    )
    plain = middle[_TWO].cpu_ms
    for name, item in middle.items():
        verdict = ""
        if name == _EIGHT:
            verdict = table.verdict(f"≤ {CPU_MS} CPU ms", met=item.cpu_ms <= CPU_MS)
        elif name == _FUNCTION:
            more = item.cpu_ms - plain
            verdict = table.verdict(
                f"≤ {MORE_MS:.0f} CPU ms more than without ({more:.2f})", met=more <= MORE_MS
            )
        table.add(name, f"{item.per_second:,.0f}", f"{item.p50_ms:.1f}", f"{item.cpu_ms:.2f}", verdict)
    yield table
    yield _beside(server, requests, rounds, seconds)


def _beside(server: Process, requests: dict[str, str], rounds: int, seconds: int) -> Table:
    """Measure replies of one caller, alone and beside a hundred who have functions run."""
    alone, beside, functions = [], [], []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(rounds):
            alone.append(pressed(server, requests[_TWO], seconds, _SAID, connections=1))
            busy = pool.submit(
                pressed, server, requests[_FUNCTION], seconds + 2, _SAID, connections=_TOGETHER
            )
            beside.append(pressed(server, requests[_TWO], seconds, _SAID, connections=1))
            functions.append(busy.result())
    table = Table(
        f"Replies of one caller beside {_TOGETHER} others who have functions run",
        ("", "a second", "p50 ms", "p99 ms", "target"),
        note="The server and the processes that run code are on one core, all callers on the other.",
    )
    for name, taken in (("alone", alone), ("beside them", beside), ("the functions", functions)):
        item = median(taken)
        target = (
            table.verdict(f"p99 ≤ {LATE_MS:.0f} ms", met=item.p99_ms <= LATE_MS) if taken is beside else ""
        )
        table.add(name, f"{item.per_second:,.0f}", f"{item.p50_ms:.1f}", f"{item.p99_ms:.1f}", target)
    return table


_TWO: Final = "Start → Direct Reply"
_EIGHT: Final = "eight nodes: Start, six conditions, Direct Reply"
_FUNCTION: Final = "Start → Custom Function → Direct Reply"


def _flows() -> dict[str, str]:
    function = node("customFunctionAgentflow_0", {"customFunctionJavascriptFunction": _CODE})
    quoting = node("directReplyAgentflow_0", {"directReplyMessage": "{{ customFunctionAgentflow_0 }}"})
    conditions = [
        node(
            f"conditionAgentflow_{number}",
            {
                "conditions": [
                    {
                        "type": "string",
                        "value1": "{{ question }}",
                        "operation": "contains",
                        "value2": "no such text" if number % 2 else "Hello",
                    }
                ]
            },
        )
        for number in range(6)
    ]
    start = node("startAgentflow_0", {"startInputType": "chatInput"})
    line = [start, *conditions, _REPLY]
    edges = [edge(start["id"], conditions[0]["id"])]
    for number, one in enumerate(conditions):
        edges.append(edge(one["id"], line[number + 2]["id"], number % 2))
    return {_TWO: chain(_REPLY), _EIGHT: flow_data(line, edges), _FUNCTION: chain(function, quoting)}


def _started(stack: ExitStack, data: Path) -> tuple[Process, dict[str, str]]:
    """Start a server that may run code; return what asks each flow."""
    with opened(data, code_nodes="true") as target:
        runtime, caller, run = target.runtime, target.caller, target.run
        ids = {}
        for name, drawn in _flows().items():
            patch = ChatflowPatch(name=name, type=ChatflowType.AGENTFLOW, flow_data=drawn)
            made = run(runtime.chatflows.create(caller, patch)).chatflow
            run(runtime.chatflows.approve(caller, made.id))
            ids[name] = made.id
        key = NewKey(name="caller", chatflow_ids=tuple(ids.values()))
        token = run(runtime.keyring.create(caller, key)).token.reveal()
    server = stack.enter_context(process.flowkeys(data, data.with_suffix(".log"), code_nodes="true"))
    return server, {name: predicting(chatflow_id, token) for name, chatflow_id in ids.items()}
