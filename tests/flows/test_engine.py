"""The engine: what it keeps, what it says about flows it cannot run, and what a call costs."""

import pytest

from flowkeys.domain.errors import FlowNotRunnable
from flowkeys.flows.drafts.templates import reply_flow
from flowkeys.flows.graph.graph import parse
from flowkeys.flows.nodes import STANDARD
from flowkeys.flows.registry import Kind, Outcome, Step
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import CompiledFlow, FlowEngine
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node
from tests.support.effort import calls

HOT_CALLS = 110
HOT_CALLS_AT_ONCE = 60


def test_the_engine_keeps_the_promises_of_the_port():
    """The types say so, and mypy reads this."""
    made: FlowEngine = engine()
    flow: CompiledFlow = made.compile(chatflow(reply_flow("hi")))
    assert flow is made.compile(chatflow(reply_flow("hi")))


def test_a_version_is_compiled_once_and_a_new_one_anew():
    """Hot predictions parse nothing; a changed chatflow is never answered from its old text."""
    made = engine()
    first = made.compile(chatflow(reply_flow("one"), version=1))
    assert made.compile(chatflow("not even read", version=1)) is first
    assert made.compile(chatflow(reply_flow("two"), version=2)) is not first
    assert made.compile(chatflow(reply_flow("other"), id="flow-2", version=1)) is not first


def test_the_cache_is_bounded_and_drops_what_was_not_used_for_longest():
    """However many chatflows there are, a server keeps only so many compiled."""
    made = engine(FlowSettings(cached_flows=2))
    one = made.compile(chatflow(reply_flow("x"), id="1"))
    two = made.compile(chatflow(reply_flow("x"), id="2"))
    assert made.compile(chatflow(reply_flow("x"), id="1")) is one
    made.compile(chatflow(reply_flow("x"), id="3"))
    assert made.compile(chatflow(reply_flow("x"), id="1")) is one
    assert made.compile(chatflow(reply_flow("x"), id="2")) is not two


def test_a_flow_that_cannot_run_says_what_is_missing():
    """The error names the kinds for programs and all reasons for people, from the cache too."""
    made = engine()
    missing = chatflow(chain(node("browserAgentflow_0")))
    wrong = chatflow(chain(node("retrieverAgentflow_0", label="Find")), id="flow-2")
    for _ in range(2):
        with pytest.raises(FlowNotRunnable, match="no node kind browserAgentflow") as caught:
            made.compile(missing)
        assert caught.value.missing_kinds == ("browserAgentflow",)
        with pytest.raises(FlowNotRunnable, match="Find: no document collection is chosen") as caught:
            made.compile(wrong)
        assert caught.value.missing_kinds == ()


def test_every_reason_is_given_at_once():
    """What known nodes cannot do stands beside missing kinds, and beside faults of the structure."""
    structured = {
        "llmStructuredOutput": [{"key": "a", "type": "date"}],
        "llmModel": "chatOpenAI",
        "llmModelConfig": {"temperature": "hot", "openAIApiKey": "sk-x"},
        "llmMessages": [{"role": "king", "content": "x"}],
        "llmMemoryType": "tape",
    }
    data = flow_data(
        [
            node("startAgentflow_0", {"startInputType": "webhookTrigger"}),
            node("crawlerAgentflow_0"),
            node("crawlerAgentflow_0"),
            node("llmAgentflow_0", structured),
        ],
        [edge("startAgentflow_0", "llmAgentflow_0")],
    )
    check = engine().check(chatflow(data))
    said = " ".join(check.problems)
    assert check.missing_kinds == ("crawlerAgentflow",)
    for reason in (
        "a webhook",
        "there is no type 'date'",
        "needs a credential",
        "openAIApiKey holds a secret",
        "temperature is not a number",
        "the model has no name",
        "the role 'king'",
        "no memory type 'tape'",
        "Two nodes have the id 'crawlerAgentflow_0'",
    ):
        assert reason in said
    with pytest.raises(FlowNotRunnable, match=r"crawlerAgentflow.*a webhook.*no memory type"):
        engine().compile(chatflow(data))


async def test_a_kind_is_added_without_touching_the_runner():
    """A name and a function that makes a step are all that a new kind is."""

    class Loud(Step):
        async def run(self, run):
            await run.say(run.question.upper())
            return Outcome(output={"content": run.question.upper()}, text=run.question.upper())

    async def emit(event):
        pass

    made = engine(kinds=[*STANDARD, Kind("loudAgentflow", lambda build: Loud(build.node))])
    result = await made.compile(chatflow(chain(node("loudAgentflow_0")))).run(call("hey"), emit)
    assert result.text == "HEY"


def test_the_names_of_kinds_are_flowises():
    """Each kind is found by the name that is in exports."""
    assert {kind.name for kind in STANDARD} == {
        "startAgentflow", "directReplyAgentflow", "retrieverAgentflow", "llmAgentflow", "conditionAgentflow",
        "stickyNoteAgentflow", "pythonAgentflow", "humanInputAgentflow", "conditionAgentAgentflow",
        "agentAgentflow",
        "customFunctionAgentflow", "loopAgentflow", "toolAgentflow", "iterationAgentflow",
        "httpAgentflow", "executeFlowAgentflow",
    }  # fmt: skip


async def test_a_hot_call_costs_next_to_nothing():
    """Start → Direct Reply takes few steps; `make bench` says how long they take."""
    made = engine()
    flow = chatflow(reply_flow("You said: {{ question }}"))
    given = call()

    async def emit(event):
        pass

    await made.compile(flow).run(given, emit)
    running = made.compile(flow).run(given, emit)

    def go() -> None:
        with pytest.raises(StopIteration):  # it never waits
            running.send(None)

    assert calls(go) < HOT_CALLS

    whole = call(streamed=False)
    assert calls(lambda: made.compile(flow).run_at_once(whole)) < HOT_CALLS_AT_ONCE


def test_parsing_is_left_to_the_first_call(monkeypatch):
    """Once compiled, nothing of a flow is parsed again."""
    made = engine()
    made.compile(chatflow(reply_flow("hi")))
    monkeypatch.setattr("flowkeys.flows.engine.parse", lambda *_, **__: pytest.fail("parsed again"))
    made.compile(chatflow(reply_flow("hi")))
    assert parse(reply_flow("hi")).problems == ()
