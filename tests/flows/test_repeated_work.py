"""What is done once is not done again: checks, unchanged nodes of an override, lists of nodes that ran."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from flowkeys.domain.chatflows.chatflow import FlowCheck
from flowkeys.flows import engine as engine_module
from flowkeys.flows import registry
from flowkeys.flows.drafts.templates import documents_flow, reply_flow
from flowkeys.flows.running.shown import REPEATED_BYTES
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node, run
from tests.flows.test_overrides import config


async def test_an_override_reads_no_text_of_the_owner_again(monkeypatch):
    """Only nodes with a value of the caller's are rebuilt, and of those only that value is read."""
    state = [{"key": "a", "value": "<p>state of the owner</p>"}]
    find = {"retrieverKnowledgeDocumentStores": [{"documentStore": "x"}], "retrieverQuery": "q"}
    data = chain(
        node("retrieverAgentflow_0", {**find, "retrieverUpdateState": state}, "Find"),
        node("directReplyAgentflow_0", {"directReplyMessage": "<p>hi {{ $flow.state.a }}</p>"}, "Reply"),
    )
    made = engine()
    flow = made.compile(chatflow(data, api_config=config({"Find": ["retrieverQuery"]})))
    read = []
    compiled = registry.compile_template

    def note(text):
        read.append(text)
        return compiled(text)

    async def emit(event):
        pass

    monkeypatch.setattr(registry, "compile_template", note)
    for query in ("one", "two"):
        result = await flow.run(call(overrides={"retrieverQuery": query}), emit)
        assert result.text == "hi state of the owner"
    assert read == ["one", "two"]


async def test_a_value_of_a_caller_that_equals_a_template_of_the_owner_is_none():
    """Templates are kept by their text; a caller who sends the same text has it taken as it is."""
    text = "{{ $vars.secret }}"
    data = chain(node("directReplyAgentflow_0", {"directReplyMessage": text}, "Reply"))
    flow = chatflow(data, api_config=config({"Reply": ["directReplyMessage"]}))
    settings = FlowSettings(variables={"secret": "s3cret"})
    ran = await run(flow, call(overrides={"directReplyMessage": text}), settings=settings)
    assert ran.result.text == text


def test_a_check_is_kept_by_id_and_version_and_the_cache_is_bounded(monkeypatch):
    """A list of chatflows parses each version once; what was not asked for longest is dropped."""
    parsed = []
    parse = engine_module.parse

    def note(text, **more):
        parsed.append(text)
        return parse(text, **more)

    monkeypatch.setattr(engine_module, "parse", note)
    made = engine(FlowSettings(cached_checks=2))
    one, two, three = (chatflow(reply_flow(name), id=name) for name in ("one", "two", "three"))
    for flow in (one, two, one, two, one):
        assert made.check(flow) == FlowCheck(runnable=True)
        assert made.collections(flow) == frozenset()
    assert len(parsed) == 2
    made.check(three)
    made.check(one)
    assert len(parsed) == 3
    made.check(two)
    assert len(parsed) == 4
    assert not made.check(chatflow("{", id="two", version=2)).runnable
    assert not made.check(chatflow("{", id="one")).runnable  # not stored yet: another text of one version


def test_many_threads_may_check_at_once():
    """Reader threads and the event loop ask the same engine, while the cache drops what it has."""
    made = engine(FlowSettings(cached_checks=3))
    flows = [chatflow(reply_flow("x") if n % 2 else "{", id=str(n)) for n in range(10)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: made.check(flows[n % 10]).runnable, range(2_000)))
    assert answers == [bool(n % 2) for n in range(2_000)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (documents_flow("handbook"), {"handbook"}),
        (
            chain(
                node(
                    "retrieverAgentflow_0", {"retrieverKnowledgeDocumentStores": '[{"documentStore":"id:n"}]'}
                ),
                node(
                    "retrieverAgentflow_1", {"retrieverKnowledgeDocumentStores": [{"documentStore": "b"}, 1]}
                ),
                node("toolAgentflow_0"),
            ),
            {"id:n", "b"},
        ),
        (flow_data([node("retrieverAgentflow_0", {"retrieverKnowledgeDocumentStores": "["})], []), set()),
        (flow_data([node("retrieverAgentflow_0", {"retrieverKnowledgeDocumentStores": 7})], []), set()),
        (reply_flow("x"), set()),
        ("{", set()),
        ("\ud800", set()),
        ("[" * 100_000, set()),
    ],
)
def test_the_collections_of_a_flow_are_those_that_its_retrievers_name(data, expected):
    """As they are written, from a flow that cannot run too; none from a text that cannot be read."""
    assert engine().collections(chatflow(data)) == expected


def test_the_collections_of_a_flow_that_runs_in_a_circle_are_found():
    """A flow whose structure is wrong can be mended later: what it names is told already."""
    find = node("retrieverAgentflow_0", {"retrieverKnowledgeDocumentStores": [{"documentStore": "a"}]})
    data = flow_data([node("startAgentflow_0"), find], [edge(find["id"], find["id"])])
    assert engine().collections(chatflow(data)) == {"a"}


async def test_a_large_flow_does_not_send_what_grows_with_its_square():
    """The list of nodes is repeated up to a size, and complete at the end, whatever the size."""
    replies = [node(f"directReplyAgentflow_{n}", {"directReplyMessage": "x" * 50}) for n in range(498)]
    ran = await run(chain(*replies))
    lists = [event.data for event in ran.events if event.name == "agentFlowExecutedData"]
    assert [len(entries) for entries in lists[:3]] == [1, 2, 3]
    assert len(lists[-1]) == 499
    assert lists[-1] == ran.result.executed
    assert ran.events[-1].data == "FINISHED"
    sent = sum(len(msgspec.json.encode(entries)) for entries in lists)
    assert sent < REPEATED_BYTES + len(msgspec.json.encode(lists[-1])) + 1_000
