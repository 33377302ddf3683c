"""A flow that waits for nothing answers at once what it answers when it is awaited."""

import pytest

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.flows.drafts.templates import reply_flow
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node

START = node("startAgentflow_0", {"startInputType": "chatInput"})
STATEFUL = node(
    "startAgentflow_0",
    {"startState": [{"key": "mood", "value": "glad"}], "startEphemeralMemory": True},
)


def _reply(number, text):
    return node(f"directReplyAgentflow_{number}", {"directReplyMessage": text}, f"Reply {number}")


RULE = {"type": "string", "value1": "{{ $form.city }}", "operation": "equal", "value2": "Ulm"}
ONE, TWO = _reply(0, "One: {{ question }}"), _reply(1, "Two: {{ directReplyAgentflow_0 }} {{ nobody }}")
FLOWS = {
    "a reply": reply_flow("You said: {{ question }}"),
    "two after each other": chain(ONE, TWO),
    "two beside each other": flow_data(
        [START, ONE, TWO], [edge("startAgentflow_0", one["id"]) for one in (ONE, TWO)]
    ),
    "with a state": flow_data(
        [STATEFUL, _reply(0, "{{ $flow.state.mood }}")], [edge("startAgentflow_0", "directReplyAgentflow_0")]
    ),
    "a choice": flow_data(
        [START, node("conditionAgentflow_0", {"conditions": [RULE]}), ONE, TWO],
        [
            edge("startAgentflow_0", "conditionAgentflow_0"),
            edge("conditionAgentflow_0", ONE["id"], 0),
            edge("conditionAgentflow_0", TWO["id"], 1),
        ],
    ),
    "nothing said": chain(),
}


@pytest.mark.parametrize("kind", [ChatflowType.AGENTFLOW, ChatflowType.CHATFLOW])
@pytest.mark.parametrize("data", FLOWS.values(), ids=FLOWS)
async def test_it_is_the_same_answer(data, kind):
    """With what was said, in which nodes, and how it ended."""
    flow = engine().compile(chatflow(data, type=kind))
    given = call(streamed=False, form={"city": "Ulm"})

    async def emit(event):
        pass

    at_once = flow.run_at_once(given)
    assert at_once is not None
    assert at_once == await flow.run(given, emit)
    assert bool(at_once.executed) is (kind is ChatflowType.AGENTFLOW)
