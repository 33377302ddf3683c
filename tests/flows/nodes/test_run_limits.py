"""Limits of a run on time, bytes and calls out, shared by all that runs in it."""

import json
from itertools import pairwise

import pytest

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.flows.limits import Limits
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.waiting import read
from flowkeys.service.ports.flows import Event, HumanAnswer, Resumed
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node, pieces, run


def reply(text, number=0):
    """A Direct Reply."""
    return node(f"directReplyAgentflow_{number}", {"directReplyMessage": text}, f"Reply {number}")


def asks(model, name="echo", number=0, **more):
    """A node that asks a model of the test."""
    config = {"modelName": name, "basepath": model.url}
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": False, **more}
    inputs["llmMessages"] = [{"role": "user", "content": "{{ question }}"}]
    return node(f"llmAgentflow_{number}", inputs, f"Model {number}")


def loop(times, to):
    """A loop back to a node."""
    return node("loopAgentflow_0", {"loopBackToNode": f"{to}-x", "maxLoopCount": times})


def around(*inside, items):
    """An iteration, and what is drawn in it."""
    drawn = json.loads(chain(node("iterationAgentflow_0", {"iterationInput": items}, "Iteration 0")))
    drawn["nodes"] += [{**one, "parentNode": "iterationAgentflow_0"} for one in inside]
    return json.dumps(drawn)


async def ended(data, settings, *, streamed=True, **changes):
    """Run a flow that goes too far; return what it says, the events, and the nodes that had run."""
    events, entries = [], []

    async def emit(event):
        events.extend([Event("token", piece) for piece in pieces(event)] or [event])

    made = engine(settings)
    try:
        flow = made.compile(chatflow(data))
        with pytest.raises(RunLimitExceeded) as raised:
            await flow.run(call(streamed=streamed, entries=entries, **changes), emit)
    finally:
        await made.aclose()
    return str(raised.value), events, entries


@pytest.mark.parametrize("where", ["alone", "in an iteration"])
async def test_a_model_that_never_answers_is_left_when_the_time_is_over(model, where):
    """The run says so as any that fails does."""
    data = chain(asks(model, "slow"))
    if where != "alone":
        data = around(asks(model, "slow"), items=["a", "b"])
    settings = FlowSettings(allowed_endpoints=(model.url,), run_seconds=0.05)
    said, events, entries = await ended(data, settings)
    assert "may take 0.05 seconds" in said
    assert "FLOWKEYS_RUN_SECONDS" in said
    assert (entries[-1]["status"], entries[-1]["data"]["error"]) == ("ERROR", said)
    names = [event.name for event in events]
    assert names[-3:] == ["nextAgentFlow", "agentFlowExecutedData", "agentFlowEvent"]
    assert events[-1].data == "ERROR"


async def test_a_time_that_is_over_elsewhere_is_no_limit_of_the_run():
    """What a node itself waits for too long fails by itself."""

    async def late():
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await Limits(FlowSettings()).in_time(late())


@pytest.mark.parametrize("streamed", [True, False])
async def test_texts_that_repeat_each_other_end_at_the_bytes_of_a_run(streamed):
    """None of them is too long by itself; all of them together are."""
    data = chain(reply("{{ question }}" * 10), loop("999", "directReplyAgentflow_0"))
    settings = FlowSettings(run_bytes=100_000)
    said, _, entries = await ended(data, settings, streamed=streamed, question="x" * 500)
    assert "come to 100,000 bytes" in said
    assert "FLOWKEYS_RUN_BYTES" in said
    assert 5 < len(entries) <= 41


@pytest.mark.parametrize("way", ["streamed", "whole", "at once"])
async def test_what_is_shown_of_the_steps_counts(way):
    """Texts that nobody puts together again: the state is shown with each step."""
    start = {"startState": [{"key": "k", "value": "x" * 5_000}]}
    nodes = [node("startAgentflow_0", start), reply("y"), loop("999", "directReplyAgentflow_0")]
    data = flow_data(nodes, [edge(a["id"], b["id"]) for a, b in pairwise(nodes)])
    settings = FlowSettings(run_bytes=200_000)
    if way == "at once":
        with pytest.raises(RunLimitExceeded, match="FLOWKEYS_RUN_BYTES"):
            engine(settings).compile(chatflow(data)).run_at_once(call(streamed=False))
        return
    said, events, entries = await ended(data, settings, streamed=way == "streamed")
    assert "FLOWKEYS_RUN_BYTES" in said
    assert 30 < len(entries) < 50
    assert events[-1].data == "ERROR"


async def test_calls_to_models_are_counted_also_those_that_are_made_again(model):
    """A loop that asks, and a model that refuses and is asked again."""
    data = chain(asks(model), loop("999", "llmAgentflow_0"))
    said, _, _ = await ended(data, FlowSettings(allowed_endpoints=(model.url,), run_calls=3))
    assert "call out 3 times" in said
    assert "FLOWKEYS_RUN_CALLS" in said
    assert len(model.received) == 3
    model.received.clear()
    data = chain(asks(model, "flaky"))
    await ended(data, FlowSettings(allowed_endpoints=(model.url,), run_calls=1))
    assert len(model.received) == 1


async def test_calls_of_http_nodes_are_counted(model):
    """In the rounds of an iteration, whose failures else only fail the round."""
    data = around(node("httpAgentflow_0", {"method": "GET", "url": f"{model.url}/x"}), items=["a", "b", "c"])
    await ended(data, FlowSettings(allowed_endpoints=(model.url,), run_calls=2))
    assert len(model.received) == 2


async def test_a_run_that_waited_goes_on_with_what_was_left(model):
    """Its waiting costs nothing, and its second part does not begin anew."""
    asked = node("humanInputAgentflow_0", {"humanInputDescription": "Go on?"}, "Ask")
    nodes = [node("startAgentflow_0"), asks(model), asked, asks(model, number=1)]
    ids = [one["id"] for one in nodes]
    data = flow_data(nodes, [edge(ids[0], ids[1]), edge(ids[1], ids[2]), edge(ids[2], ids[3], 0)])
    settings = FlowSettings(allowed_endpoints=(model.url,), run_calls=1)
    stopped = (await run(data, call(history=()), settings=settings)).result.stopped
    assert stopped is not None
    left = read(stopped.saved)
    assert (left.steps_left, left.calls_left) == (997, 0)
    assert 0 < left.seconds_left < settings.run_seconds
    assert 0 < left.bytes_left < settings.run_bytes
    resumed = Resumed(stopped.saved, HumanAnswer({"type": "proceed"}))
    said, _, _ = await ended(data, settings, resumed=resumed, history=())
    assert "FLOWKEYS_RUN_CALLS" in said
    assert len(model.received) == 1
