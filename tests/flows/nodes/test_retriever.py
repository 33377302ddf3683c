"""`retrieverAgentflow`: passages with their sources, and plain words when there are none."""

import msgspec
import pytest
from msgspec import structs

from flowkeys.flows.drafts.templates import documents_flow
from flowkeys.flows.nodes.retriever import NOTHING_FOUND
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import Memory, call, chain, chatflow, engine, hit, node, problems, run

STORE = "6b9f1c1e-0000-4000-8000-000000000001"
INSTALL = hit("guide/install.md", "To install on linux run make.\n\nThen wait.", "Install > Linux")
REMOVE = hit("guide/remove.md", "To remove, delete the folder. install again later.")
STORES = {("ws", STORE): [INSTALL, REMOVE]}
QUOTED = (
    "**[1] guide/install.md** — Install > Linux\n\n> To install on linux run make.\n>\n> Then wait.\n\n"
    "**[2] guide/remove.md**\n\n> To remove, delete the folder. install again later."
)

ANSWERED = (
    "To install on linux run make.\n\nThen wait.\n\n**Sources**\n\n"
    "1. `guide/install.md` — Install > Linux\n2. `guide/remove.md`"
)


def retriever(*stores, number=0, **inputs):
    """A Retriever over some collections."""
    rows = [{"documentStore": store} for store in stores]
    return node(f"retrieverAgentflow_{number}", {"retrieverKnowledgeDocumentStores": rows, **inputs})


async def test_a_documents_flow_without_a_model_answers_with_the_best_passage_and_lists_the_sources():
    """Start → Retriever → Direct Reply says the best passage first; the others are sources."""
    ran = await run(documents_flow(STORE), call("how to install"), retriever=Memory(STORES))
    assert ran.result.text == ANSWERED
    assert ran.tokens == [ANSWERED]
    assert [doc["pageContent"] for doc in ran.result.source_documents] == [INSTALL.content, REMOVE.content]
    assert ran.result.source_documents[0]["metadata"] == {
        "source": "guide/install.md", "heading": "Install > Linux", "documentId": "doc-guide/install.md",
        "position": 0, "score": 1.0,
    }  # fmt: skip
    assert ran.events[-1].name == "sourceDocuments"
    assert ran.events[-1].data == ran.result.source_documents


async def test_an_answer_that_is_asked_for_whole_is_the_one_that_is_streamed():
    """That nobody waits for the pieces changes nothing of what is said."""

    async def emit(_event):
        pass

    made = engine(retriever=Memory(STORES))
    flow = made.compile(chatflow(documents_flow(STORE)))
    ran = await flow.run(structs.replace(call("how to install"), streamed=False), emit)
    await made.aclose()
    assert ran.text == ANSWERED


async def test_a_documents_flow_says_plainly_that_it_found_nothing():
    """No passage, no quotation, no list of sources: only that nothing was found."""
    ran = await run(documents_flow(STORE), call("weather"), retriever=Memory(STORES))
    assert ran.result.text == NOTHING_FOUND
    assert ran.result.source_documents == []
    assert "sourceDocuments" not in ran.names


async def test_the_search_is_in_the_callers_workspace_with_the_question():
    """The workspace is the call's, the collection is the node's, the limit is the server's."""
    memory = Memory(STORES)
    await run(
        documents_flow(STORE), call("how to install"), retriever=memory, settings=FlowSettings(passages=3)
    )
    assert memory.asked == [("ws", STORE, "how to install", 3)]


async def test_a_collection_of_another_workspace_finds_nothing():
    """A flow of one workspace that names another's collection has no answer from it."""
    ran = await run(documents_flow(STORE), call("install", workspace_id="other"), retriever=Memory(STORES))
    assert ran.result.text == NOTHING_FOUND


async def test_a_collection_of_an_export_is_found_by_its_name_where_its_id_is_unknown():
    """Flowise names a store `id:name`; on another server only the name can be right."""
    memory = Memory({("ws", "handbook"): [INSTALL]})
    ran = await run(chain(retriever(f"{STORE}:handbook")), call("install"), retriever=memory)
    assert "guide/install.md" in ran.result.text
    assert [name for _, name, _, _ in memory.asked] == [STORE, "handbook"]


async def test_a_name_with_a_colon_is_one_name():
    """Only an id before the colon makes it two."""
    memory = Memory({("ws", "team: a"): [INSTALL]})
    ran = await run(chain(retriever("team: a")), call("install"), retriever=memory)
    assert "guide/install.md" in ran.result.text


async def test_several_collections_take_turns():
    """Scores of two collections say nothing about each other: the best of each come first."""
    memory = Memory({("ws", "a"): [hit("a1", "x"), hit("a2", "x")], ("ws", "b"): [hit("b1", "x")]})
    ran = await run(chain(retriever("a", "b")), call("x"), retriever=memory)
    assert [doc["metadata"]["source"] for doc in ran.result.source_documents] == ["a1", "b1", "a2"]


async def test_the_query_can_be_made_of_variables():
    """The node's query replaces the question."""
    memory = Memory(STORES)
    await run(
        chain(retriever(STORE, retrieverQuery="<p>linux {{ question }}</p>")), call("x"), retriever=memory
    )
    assert memory.asked[0][2] == "linux x"


async def test_text_with_metadata_is_json():
    """Flowise's second output format is the documents themselves."""
    node_ = retriever(STORE, outputFormat="textWithMetadata", topK=1)
    ran = await run(chain(node_), call("install"), retriever=Memory(STORES))
    (document,) = msgspec.json.decode(ran.result.text)
    assert (document["pageContent"], document["metadata"]["source"]) == (INSTALL.content, INSTALL.source)
    assert ran.result.text.startswith('[\n  {\n    "pageContent"')


async def test_text_is_the_bare_words_of_the_last_collection():
    """As Flowise has it: of several stores the last one's passages remain; of none, nothing."""
    memory = Memory({("ws", "a"): [hit("a1", "x a")], ("ws", "b"): [hit("b1", "x b"), hit("b2", "x c")]})
    ran = await run(chain(retriever("a", "b", outputFormat="text")), call("x"), retriever=memory)
    assert ran.result.text == "x b\nx c"
    assert ran.result.executed[-1]["data"]["output"] == {"content": "x b\nx c"}
    ran = await run(chain(retriever(outputFormat="text")), call("x"), retriever=memory)
    assert ran.result.text == ""


async def test_the_found_text_can_be_kept_in_the_state():
    """`retrieverUpdateState` with the output."""
    found = retriever(STORE, retrieverUpdateState=[{"key": "found", "value": "{{ output }}"}])
    reply = node("directReplyAgentflow_0", {"directReplyMessage": "{{ $flow.state.found }}"})
    ran = await run(chain(found, reply), call("install"), retriever=Memory(STORES))
    assert ran.result.text == QUOTED


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (retriever(), "no document collection is chosen"),
        (retriever("a", outputFormat="table"), "there is no output format 'table'"),
        (retriever("a", topK=0.5), "topK has to be a number from 1 to 50"),
        (retriever("a", topK=True), "topK has to be a number from 1 to 50"),
        (retriever("a", topK="51"), "topK has to be a number from 1 to 50"),
    ],
)
def test_what_a_retriever_cannot_do_is_a_problem(made, expected):
    """Settings that make no sense are said."""
    assert expected in problems(chain(made))
