"""`iterationAgentflow`: what is drawn in it, once for each item."""

import json

import pytest

from flowkeys.domain.errors import RunLimitExceeded, UpstreamFailed
from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import call, chain, node, problems, run


def _flow(items, *inside, edges=()):
    """A flow that goes through `items`, with these nodes in the iteration, and says what came of it."""
    around = node("iterationAgentflow_0", {"iterationInput": items}, "Iteration 0")
    reply = node("directReplyAgentflow_9", {"directReplyMessage": "all: [{{ iterationAgentflow_0 }}]"}, "All")
    drawn = json.loads(chain(around, reply))
    drawn["nodes"] += [{**one, "parentNode": "iterationAgentflow_0"} for one in inside]
    drawn["edges"] += [{"source": source, "target": target} for source, target in edges]
    return json.dumps(drawn)


def _reply(text, number=0):
    return node(f"directReplyAgentflow_{number}", {"directReplyMessage": text}, f"Reply {number}")


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ('["a", "b"]', "<a>\n<b>"),
        ("<p>['a', 'b',]</p>", "<a>\n<b>"),
        (r"\[1, 2.5\]", "<1>\n<2.5>"),
        (["x", {"k": "v"}], '<x>\n<{"k":"v"}>'),
        ("[]", ""),
        ('[0, "", null, false]', "\n".join(["<{{ $iteration }}>"] * 4)),
    ],
)
async def test_each_item_is_a_round(items, said):
    """Of JSON, of JSON5, of a list; one that counts as false stands for nothing."""
    ran = await run(_flow(items, _reply("<{{ $iteration }}>")), call())
    assert ran.result.text == f"all: [{said}]"


async def test_members_of_items_are_read():
    """One that is missing is what JavaScript calls it; a text is the whole of itself."""
    inside = _reply("{{ $iteration.a.b }}|{{ $iteration.none }}")
    ran = await run(_flow('[{"a": {"b": 1}}, "text", 5]', inside), call())
    assert ran.result.text == "all: [1|undefined\ntext|text\n{{ $iteration.a.b }}|{{ $iteration.none }}]"


async def test_several_nodes_run_in_each_round_and_are_shown_with_it():
    """They say nothing by themselves, and what they last said is there behind the block."""
    inside = (_reply("one {{ $iteration }}"), _reply("two {{ directReplyAgentflow_0 }}", 1))
    flow = _flow('["a", "b"]', *inside, edges=[("directReplyAgentflow_0", "directReplyAgentflow_1")])
    ran = await run(flow, call())
    assert ran.tokens == ["all: [two one a\ntwo one b]"]
    rounds = [
        entry["data"]["iterationIndex"] for entry in ran.result.executed if "iterationIndex" in entry["data"]
    ]
    assert rounds == [0, 0, 1, 1]
    context = ran.result.executed[-3]["data"]["iterationContext"]
    assert (context["index"], context["value"], context["isLast"]) == (1, "b", True)


async def test_nothing_inside_is_nothing_done():
    """Nor does an iteration in another do anything."""
    ran = await run(_flow('["a"]'), call())
    assert ran.result.text == "all: [{{ iterationAgentflow_0 }}]"


@pytest.mark.parametrize("items", ["", "no json", '{"a": 1}', "5", "[" * 100_000, f"[0x{'f' * 9999}]"])
async def test_what_is_no_list_fails(items):
    """Also what is nested without end."""
    with pytest.raises(UpstreamFailed, match="Iteration 0: what it is to go through"):
        await run(_flow("{{ question }}", _reply("x")), call(items))


async def test_rounds_are_kept_within_the_steps_of_a_run():
    """A list may be long."""
    items = json.dumps(list(range(1, 100)))
    with pytest.raises(RunLimitExceeded):
        await run(_flow(items, _reply("x")), call(), settings=FlowSettings(run_steps=20))


def test_an_iteration_begins_somewhere():
    """With one node: what else nothing leads to is named."""
    assert "In an iteration, nothing leads to 'Reply 1'" in problems(_flow("[]", _reply("x"), _reply("y", 1)))
    both = [
        ("directReplyAgentflow_0", "directReplyAgentflow_1"),
        ("directReplyAgentflow_1", "directReplyAgentflow_0"),
    ]
    said = problems(_flow("[]", _reply("x"), _reply("y", 1), edges=both))
    assert "has no node to begin with" in said


def test_json_as_people_write_it_is_read():
    """And what is none says where."""
    assert read_json("{a: 'b', /* c */ d: [1,],}") == {"a": "b", "d": [1]}
    with pytest.raises(NotRead):
        read_json("{a: ")
