"""The runner: branches, what counts as the answer, and what is streamed."""

import asyncio

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import Event
from tests.flows import targets
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node, pieces, run
from tests.support.waiting import patience

START = node("startAgentflow_0", {"startInputType": "chatInput"})


def allowed(*names):
    """Settings that allow objects of `targets`."""
    return FlowSettings(python_targets=tuple(f"tests.flows.targets:{name}" for name in names))


def python(name, number=0, **inputs):
    """A node that asks an object of `targets`."""
    return node(f"pythonAgentflow_{number}", {"pythonTarget": f"tests.flows.targets:{name}", **inputs})


def reply(text, number=0):
    """A Direct Reply."""
    return node(f"directReplyAgentflow_{number}", {"directReplyMessage": text}, f"Reply {number}")


def equal(one, two):
    """A condition that holds when two texts are equal."""
    return {"type": "string", "operation": "equal", "value1": one, "value2": two}


async def test_only_the_branch_that_is_taken_runs_and_a_join_runs_once():
    """Nodes behind the other outputs do not run; where branches meet again, the run goes on."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("{{ question }}", "a")]})
    both = reply("{{ pythonAgentflow_0 }}{{ pythonAgentflow_1 }}")
    data = flow_data(
        [START, choice, python("shout", 0), python("whisper", 1), both],
        [
            edge("startAgentflow_0", "conditionAgentflow_0"),
            edge("conditionAgentflow_0", "pythonAgentflow_0", 0),
            edge("conditionAgentflow_0", "pythonAgentflow_1", 1),
            edge("pythonAgentflow_0", "directReplyAgentflow_0"),
            edge("pythonAgentflow_1", "directReplyAgentflow_0"),
        ],
    )  # fmt: skip
    for question, ran_id, text in (
        ("a", "pythonAgentflow_0", "A!{{ pythonAgentflow_1 }}"),
        ("B", "pythonAgentflow_1", "{{ pythonAgentflow_0 }}b"),
    ):
        ran = await run(data, call(question), settings=allowed("shout", "whisper"))
        assert ran.result.text == text
        order = [entry["nodeId"] for entry in ran.result.executed]
        assert order == ["startAgentflow_0", "conditionAgentflow_0", ran_id, "directReplyAgentflow_0"]
        assert ran.result.executed[-1]["previousNodeIds"] == ["pythonAgentflow_0", "pythonAgentflow_1"]


async def test_several_ends_answer_one_after_the_other():
    """What several last nodes say is one answer, with blank lines between; nothing adds nothing."""
    data = flow_data(
        [START, reply("one", 0), reply("", 1), reply("two", 2)],
        [edge("startAgentflow_0", f"directReplyAgentflow_{number}") for number in range(3)],
    )
    ran = await run(data)
    assert ran.result.text == "one\n\ntwo"
    assert ran.tokens == ["one", "\n\n", "two"]


async def test_a_flow_that_ends_in_a_condition_answers_with_what_was_said_before():
    """When the branch that is taken leads nowhere, the last output before it is the answer."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("1", "2")]})
    ran = await run(chain(python("shout"), choice), call("hey"), settings=allowed("shout"))
    assert ran.result.text == "HEY!"
    assert ran.tokens == ["HEY!"]


async def test_a_reply_that_only_repeats_a_model_streams_the_models_words():
    """The pieces are sent as they come, once: by the node that makes them, not again by the reply."""
    ran = await run(
        chain(python("spell"), reply("<p>{{ pythonAgentflow_0 }}</p>")),
        call("abc"),
        settings=allowed("spell"),
    )
    assert ran.tokens == ["a", "b", "c"]
    assert ran.result.text == "abc"
    assert ran.result.executed[-1]["data"]["output"] == {"content": "abc"}


async def test_a_reply_that_adds_something_is_the_only_one_that_speaks():
    """A node whose text is used in another's is not streamed."""
    ran = await run(
        chain(python("spell"), reply("> {{ pythonAgentflow_0 }}")), call("abc"), settings=allowed("spell")
    )
    assert ran.tokens == ["> abc"]


async def test_state_is_changed_by_nodes_and_seen_by_later_ones():
    """Each entry shows the state as it was after its node, and variables read it."""
    start = node("startAgentflow_0", {"startState": [{"key": "name", "value": "nobody"}]})
    update = [{"key": "name", "value": "{{ output }} of {{ question }}"}]
    data = flow_data(
        [start, python("shout", pythonUpdateState=update), reply("{{ $flow.state.name }}")],
        [edge("startAgentflow_0", "pythonAgentflow_0"), edge("pythonAgentflow_0", "directReplyAgentflow_0")],
    )
    ran = await run(data, call("ada"), settings=allowed("shout"))
    assert ran.result.text == "ADA! of ada"
    states = [entry["data"]["state"] for entry in ran.result.executed]
    assert states == [{"name": "nobody"}, {"name": "ADA! of ada"}, {"name": "ADA! of ada"}]


async def test_the_state_is_bounded():
    """A state that grows beyond the operator's limit ends the run; the message names the node."""
    update = [{"key": "much", "value": "{{ output }}"}]
    settings = FlowSettings(python_targets=("tests.flows.targets:shout",), state_characters=50)
    with pytest.raises(UpstreamFailed, match="pythonAgentflow_0: the state"):
        await run(chain(python("shout", pythonUpdateState=update)), call("x" * 60), settings=settings)


async def test_a_node_that_fails_shows_it_and_ends_the_run():
    """An agentflow shows which node failed, in Flowise's events, and nothing after it runs."""
    events: list[Event] = []

    async def emit(event):
        events.append(event)

    made = engine(allowed("fail"))
    flow = made.compile(chatflow(chain(python("fail"), reply("never"))))
    with pytest.raises(UpstreamFailed) as caught:
        await flow.run(call(), emit)
    await made.aclose()
    assert [event.name for event in events[-3:]] == [
        "nextAgentFlow",
        "agentFlowExecutedData",
        "agentFlowEvent",
    ]
    assert events[-3].data["status"] == "ERROR"
    assert events[-3].data["error"] == str(caught.value)
    last = events[-2].data[-1]
    assert (last["nodeId"], last["status"], last["data"]["error"]) == (
        "pythonAgentflow_0", "ERROR", str(caught.value),
    )  # fmt: skip
    assert events[-1].data == "ERROR"


async def test_a_cancelled_run_stops_at_once():
    """Whoever goes away takes the run along: an async object is interrupted where it waits."""
    targets.INTERRUPTED.clear()
    made = engine(allowed("forever"))
    flow = made.compile(chatflow(chain(python("forever"))))
    begun = asyncio.Event()

    async def emit(event):
        if pieces(event):
            begun.set()

    running = asyncio.create_task(flow.run(call(), emit))
    async with patience("the end of a run that was cancelled"):
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await made.aclose()
    assert targets.INTERRUPTED == ["forever"]
