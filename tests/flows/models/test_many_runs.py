"""Many runs at once: none sees another's question, state, session or words."""

import asyncio
import re
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from flowkeys.domain.predictions.conversation import Role, Turn
from flowkeys.flows.nodes import STANDARD
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import Event, Tokens
from tests.flows.models.model_server import ModelServer
from tests.flows.support import call, chatflow, edge, engine, flow_data, node
from tests.support.waiting import patience

MARK = re.compile(r"caller(\d+)x")
LOOP = "loopAgentflow"
ROUNDS = 3


def flow(model: ModelServer) -> str:
    """A model that keeps what it says in the state, in a loop where there is one, and one that is heard."""
    config = {"modelName": "echo", "basepath": model.url}
    asked = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": True}
    loops = any(kind.name == LOOP for kind in STANDARD)
    nodes = [
        node("startAgentflow_0", {"startState": [{"key": "said", "value": ""}]}),
        node(
            "llmAgentflow_0",
            {
                **asked,
                "llmUserMessage": "{{ $flow.state.said }} {{ $flow.sessionId }}",
                "llmUpdateState": [{"key": "said", "value": "{{ question }} {{ output }}"}],
            },
            "Keeps",
        ),
        node("llmAgentflow_1", {**asked, "llmUserMessage": "{{ $flow.state.said }}"}, "Says"),
    ]
    edges = [edge("startAgentflow_0", "llmAgentflow_0"), edge("llmAgentflow_0", "llmAgentflow_1")]
    if loops:
        back = {"loopBackToNode": "llmAgentflow_0-Keeps", "maxLoopCount": ROUNDS}
        back["fallbackMessage"] = "{{ $flow.state.said }}"
        nodes.append(node(f"{LOOP}_0", back))
        edges.append(edge("llmAgentflow_0", f"{LOOP}_0"))
    return flow_data(nodes, edges)


@pytest.fixture
def _many_files() -> Iterator[None]:
    """A run has a connection to the model, which has one to it, both in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_files")
@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.slow)])
async def test_runs_at_once_share_nothing_but_the_flow(model: ModelServer, count: int) -> None:
    """Each question, session, earlier turn, state, entry and token has its caller's mark and no other's."""
    made = engine(FlowSettings(allowed_endpoints=(model.url,)))
    compiled = made.compile(chatflow(flow(model)))

    async def one(number: int) -> list[Any]:
        own = f"caller{number}x"
        heard: list[Any] = []

        async def emit(event: Event | Tokens) -> None:
            await asyncio.sleep(0)  # others run in between
            heard.append(list(event.pieces) if isinstance(event, Tokens) else event.data)

        turns = [Turn(Role.USER, f"before {own}"), Turn(Role.ASSISTANT, f"then {own}")]
        given = call(f"question {own}", history=turns, session_id=f"session-{own}", chat_id=f"chat-{own}")
        result = await compiled.run(given, emit)
        assert own in str(result.text)
        return [result.text, result.executed, heard]

    async with patience("many runs at once"):
        told = await asyncio.gather(*map(one, range(count)))
    await made.aclose()
    for number, said in enumerate(told):
        assert set(MARK.findall(str(said))) == {str(number)}
    for received in model.received:
        assert len(set(MARK.findall(str(received.body)))) == 1
