"""The runner: branches, what counts as the answer, and what is streamed."""

import asyncio

import pytest

from flowkeys.domain.errors import RunLimitExceeded, UpstreamFailed
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


async def test_of_several_ends_the_one_that_runs_last_answers_and_all_are_heard():
    """The order is that of the connections; whoever reads a stream reads what each end says."""
    nodes = [START, reply("one", 0), reply("", 1), reply("two", 2)]
    for order, tokens in (((0, 1, 2), ["one", "two"]), ((2, 0, 1), ["two", "one"])):
        data = flow_data(
            nodes, [edge("startAgentflow_0", f"directReplyAgentflow_{number}") for number in order]
        )
        ran = await run(data)
        assert ran.tokens == tokens
        assert ran.result.text == {0: "one", 1: "", 2: "two"}[order[-1]]


async def test_a_flow_that_ends_in_a_condition_says_nothing():
    """The answer is what the node said that ran last: a condition says nothing, which is a space."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("1", "2")]})
    ran = await run(chain(python("shout"), choice), call("hey"), settings=allowed("shout"))
    assert ran.result.text == " "
    assert ran.tokens == []


def order_of(ran):
    """The numbers of the replies that ran, in their order."""
    return "".join(entry["nodeId"].removeprefix("directReplyAgentflow_") for entry in ran.result.executed[1:])


def replies(*pairs, others=()):
    """A flow of replies whose ids are digits, with Start as s and a condition as c."""
    ids = {"s": "startAgentflow_0", "c": "conditionAgentflow_0"}
    numbers = sorted({one for pair in pairs for one in pair[:2] if one.isdigit()})
    return flow_data(
        [START, *others, *(reply(number, int(number)) for number in numbers)],
        [
            edge(*(ids.get(one, f"directReplyAgentflow_{one}") for one in pair[:2]), *map(int, pair[2:]))
            for pair in pairs
        ],
    )


async def test_branches_take_turns_one_node_at_a_time():
    """First in, first out: of an uneven pair the short branch runs beside the beginning of the long one."""
    ran = await run(replies("s1", "s2", "13", "34"))
    assert order_of(ran) == "1234"
    assert ran.result.text == "4"


async def test_a_join_waits_for_all_that_lead_to_it():
    """It runs once, when the longest way is through, and says from where it can be reached."""
    ran = await run(replies("s1", "s2", "23", "14", "34"))
    assert order_of(ran) == "1234"
    assert ran.result.executed[-1]["previousNodeIds"] == ["directReplyAgentflow_1", "directReplyAgentflow_3"]


@pytest.mark.parametrize(("question", "order", "text"), [("a", "312", "2"), ("b", "3", "3")])
async def test_a_join_with_a_branch_that_was_not_taken_never_runs(question, order, text):
    """A plain way and one behind a condition are two groups: without the second, the run ends before."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("{{ question }}", "a")]})
    ran = await run(replies("sc", "s3", "c10", "12", "32", others=[choice]), call(question))
    assert order_of(ran).replace("conditionAgentflow_0", "") == order
    assert ran.result.text == text


async def test_of_nodes_behind_one_condition_one_is_enough():
    """Both outputs lead on to the same node, which runs whichever was taken."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("{{ question }}", "a")]})
    data = replies("sc", "c10", "c21", "13", "23", others=[choice])
    for question, order in (("a", "13"), ("b", "23")):
        ran = await run(data, call(question))
        assert order_of(ran).replace("conditionAgentflow_0", "") == order


async def test_every_connection_of_an_output_that_was_not_taken_is_cut():
    """A condition that does not hold stops all that is behind it, and an output may have two connections."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("{{ question }}", "a")]})
    data = replies("sc", "c10", "c20", "c31", others=[choice])
    for question, order in (("a", "12"), ("b", "3")):
        assert order_of(await run(data, call(question))).replace("conditionAgentflow_0", "") == order


async def test_nodes_of_a_circle_wait_for_each_other_and_never_run():
    """What is drawn in a circle is no loop: the run ends with what there is before it."""
    ran = await run(replies("s1", "12", "23", "32"))
    assert (order_of(ran), ran.result.text) == ("1", "1")


async def test_a_connection_to_nowhere_is_passed_over_but_its_node_is_not_heard():
    """The node has something behind it for who drew it: what it says is the answer, but no token."""
    data = flow_data(
        [START, reply("one")],
        [edge("startAgentflow_0", "directReplyAgentflow_0"), edge("directReplyAgentflow_0", "gone")],
    )
    ran = await run(data)
    assert (ran.result.text, ran.tokens) == ("one", [])


async def test_a_run_of_too_many_steps_ends():
    """Ways that part and meet behind one condition double at each meeting: a limit stops them."""
    choice = node("conditionAgentflow_0", {"conditions": [equal("1", "1")]})
    data = replies("sc", "c10", "12", "13", "24", "34", "45", "46", "57", "67", others=[choice])
    ran = await run(data)
    assert order_of(ran).count("7") == 4
    settings = FlowSettings(run_steps=12)
    with pytest.raises(RunLimitExceeded, match="FLOWKEYS_RUN_STEPS"):
        await run(data, settings=settings)


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
