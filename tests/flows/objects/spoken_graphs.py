"""LangGraph graphs that say things in all the ways that graphs do; models are LangChain's own fakes."""

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel

from tests.flows.chains import model

WORDS = "final answer here"
speaker = model(WORDS)
quiet = model(WORDS).with_config(tags=["nostream"])
json_speaker = model('{"answer": "forty two"}')


class Whole(BaseChatModel):
    """A model that cannot stream, or that streams parts, or that calls a tool first."""

    text: Any = WORDS
    parts: tuple[Any, ...] = ()
    first: tuple[Any, ...] = ()

    @property
    def _llm_type(self) -> str:
        return "whole"

    def _generate(self, messages, stop=None, run_manager=None, **more):
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.text))])


class Parts(Whole):
    """A model that streams what it is told to; `first` is what it says until a tool has answered."""

    def _stream(self, messages, stop=None, run_manager=None, **more):
        chosen = self.first if self.first and messages[-1].type != "tool" else self.parts
        for part in chosen:
            message = part if isinstance(part, AIMessageChunk) else AIMessageChunk(content=part)
            yield ChatGenerationChunk(message=message)


def line(*nodes, state=MessagesState, **how):
    """Compile nodes that follow each other."""
    builder = StateGraph(state)
    names = [f"n{number}" for number in range(len(nodes))]
    for name, node in zip(names, nodes, strict=True):
        builder.add_node(name, node)
    for one, two in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(one, two)
    return builder.compile(**how)


def rewriting(write, of=speaker, key="messages"):
    """Return a node that asks a model and makes its own message of what it said."""

    async def node(state):
        said = await of.ainvoke(state["messages"])
        return {key: write(said)}

    return node


def rewriting_at_once(write):
    """Return such a node that is not async."""
    return lambda state: {"messages": write(speaker.invoke(state["messages"]))}


def writing(*messages):
    """Return a node that writes messages."""
    return lambda state: {"messages": list(messages)}


def nothing(state):
    """Do nothing, as a node that only routes."""
    return {}


rewrites = {
    "same_message": lambda said: [said],
    "new_message": lambda said: [AIMessage(content=said.content)],
    "alone": lambda said: AIMessage(content=said.content),
    "named": lambda said: [AIMessage(content=said.content, name="bot")],
    "pair": lambda said: [("ai", said.content)],
    "pair_alone": lambda said: ("assistant", said.content),
    "plain_dict": lambda said: [{"role": "assistant", "content": said.content}],
    "typed_dict": lambda said: [{"type": "ai", "content": said.content}],
    "parts": lambda said: [AIMessage([{"type": "text", "text": said.content}])],
    "stripped": lambda said: [AIMessage(f" {said.content}\n")],
    "same_id": lambda said: [AIMessage(said.content, id=said.id)],
    "upper": lambda said: [AIMessage(said.content.upper())],
    "marked": lambda said: [AIMessage(f"**{said.content}**")],
    "before": lambda said: [AIMessage(f"Bot: {said.content}")],
}
for name, write in rewrites.items():
    globals()[name] = line(rewriting(write))
    globals()[f"{name}_at_once"] = line(rewriting_at_once(write))

longer = line(rewriting(lambda said: [AIMessage(f"{said.content}. Sources: a, b")]))
longer_same_id = line(rewriting(lambda said: [AIMessage(f"{said.content}!", id=said.id)]))
and_more = line(rewriting(lambda said: [said, AIMessage("Anything else?")]))
of_quiet = line(rewriting(lambda said: [AIMessage(f"Bot: {said.content}")], of=quiet))
of_quiet_itself = line(rewriting(lambda said: [said], of=quiet))
of_whole = line(rewriting(lambda said: [AIMessage(f"Bot: {said.content}")], of=Whole()))
of_whole_itself = line(rewriting(lambda said: [said], of=Whole()))
of_whole_unwritten = line(rewriting(lambda said: [], of=Whole()))
of_parts = line(
    rewriting(
        lambda said: [said],
        of=Parts(parts=([{"type": "text", "text": "final "}], [{"type": "text", "text": "answer here"}])),
    )
)
of_data = line(rewriting(lambda said: [AIMessage("forty two")], of=json_speaker))
of_data_itself = line(rewriting(lambda said: [said], of=json_speaker))
routed_by_data = line(rewriting(lambda said: [], of=json_speaker), rewriting(lambda said: [said]))
only_data = line(rewriting(lambda said: [], of=json_speaker))
half_character = line(rewriting(lambda said: [said], of=Parts(parts=("Hi \ud83d", "\ude00 there"))))


class Draft(TypedDict):
    """A state in which a draft is handed on."""

    messages: Annotated[list, operator.add]
    draft: str


handed_on = line(
    rewriting(lambda said: said.content, key="draft"),
    lambda state: {"messages": [AIMessage(state["draft"])]},
    state=Draft,
)
formatted_later = line(
    rewriting(lambda said: [said]),
    lambda state: {"messages": [AIMessage(f"**{state['messages'][-1].content}**")]},
)
replaced_later = line(
    rewriting(lambda said: [said]),
    lambda state: {
        "messages": [RemoveMessage(state["messages"][-1].id), AIMessage("Final Answer: HERE it is")]
    },
)
forgetting = line(
    rewriting(lambda said: [said]), lambda state: {"messages": [RemoveMessage(state["messages"][0].id)]}
)
added = line(rewriting(lambda said: [said]), state=Draft)
added_pair = line(writing(("ai", "as a pair")), state=Draft)
added_text = line(lambda state: {"messages": ["as a text"]}, state=Draft)
two_models = line(
    rewriting(lambda said: [said], of=model("first words")),
    rewriting(lambda said: [said], of=model("second words")),
)
two_alike = line(
    rewriting(lambda said: [said], of=model("I agree with you")),
    rewriting(lambda said: [said], of=model("I agree with her")),
)
two_written = line(writing(AIMessage("first")), writing(AIMessage("second")))
spoken_and_written = line(rewriting(lambda said: [said]), writing(AIMessage("and a word of mine")))
commanded = line(
    lambda state: Command(update={"messages": [AIMessage(speaker.invoke(state["messages"]).content)]})
)
as_objects = line(lambda state: {"messages": [AIMessage(state["messages"][-1].content[::-1])]}, state=Draft)


def beside(*nodes, join=None):
    """Compile nodes that run beside each other."""
    builder = StateGraph(MessagesState)
    for number, node in enumerate(nodes):
        builder.add_node(f"n{number}", node)
        builder.add_edge(START, f"n{number}")
        if join is not None:
            builder.add_edge(f"n{number}", "join")
    if join is not None:
        builder.add_node("join", join)
    return builder.compile()


_one, _two = model("one two three four"), model("five six seven eight")
parallel = beside(rewriting(lambda said: [said], of=_one), rewriting(lambda said: [said], of=_two))
parallel_rewritten = beside(
    rewriting(lambda said: [("ai", said.content)], of=_one),
    rewriting(lambda said: [AIMessage(said.content)], of=_two),
)
parallel_at_once = beside(*[lambda state, of=of: {"messages": [of.invoke("x")]} for of in (_one, _two)])
parallel_joined = beside(
    rewriting(lambda said: [said], of=_one),
    rewriting(lambda said: [said], of=_two),
    join=rewriting(lambda said: [said], of=model("nine ten")),
)


async def gathering(state):
    """Ask two models at once."""
    import asyncio

    said = await asyncio.gather(_one.ainvoke("x"), _two.ainvoke("x"))
    return {"messages": list(said)}


gathered = line(gathering)


def _send_graph():
    builder = StateGraph(MessagesState)
    builder.add_node("worker", lambda given: {"messages": [given["of"].invoke("x")]})
    builder.add_conditional_edges(
        START, lambda state: [Send("worker", {"of": of}) for of in (_one, _two)], ["worker"]
    )
    return builder.compile()


sent = _send_graph()

inner = line(rewriting(lambda said: [said]))
nested = line(inner)
nested_rewritten = line(line(rewriting(lambda said: [AIMessage(said.content)])))
nested_written = line(line(writing(AIMessage("written inside"))))


async def call_inner(state):
    """Ask a graph inside a node, and write its last message anew."""
    said = await inner.ainvoke({"messages": [HumanMessage("inside")]})
    return {"messages": [AIMessage(said["messages"][-1].content)]}


called = line(call_inner)

# Tools.


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} is found"


@tool(return_direct=True)
def tell(word: str) -> str:
    """Tell a word."""
    return f"told: {word}"


def calling(name, text):
    """Return what a model streams that calls a tool."""
    chunk = {"name": name, "args": '{"word": "x"}', "id": "1", "index": 0, "type": "tool_call_chunk"}
    return (*text, AIMessageChunk(content="", tool_call_chunks=[chunk]))


def agent(name, *, text=("Let ", "me look."), ends=False, **how):
    """Compile the usual agent: a model, its tools, and the model again."""
    thinker = Parts(first=calling(name, text), parts=("It ", "is ", "found."))
    builder = StateGraph(MessagesState)
    builder.add_node("agent", rewriting(lambda said: [said], of=thinker))
    builder.add_node("tools", ToolNode([look_up, tell]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges(
        "agent", lambda state: "tools" if state["messages"][-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", END if ends else "agent")
    return builder.compile(**how)


with_tools = agent("look_up")
with_tools_at_once = agent("look_up", text=())
returning_directly = agent("tell", ends=True, text=())
stopped_before_tools = agent("look_up", interrupt_before=["tools"], checkpointer=InMemorySaver())

# Waiting and silence.

asking = line(lambda state: {"messages": [AIMessage(interrupt("approve?"))]}, checkpointer=InMemorySaver())
asking_without_memory = line(lambda state: {"messages": [AIMessage(interrupt({"approve": True}))]})
asking_after_words = line(rewriting(lambda said: [said]), lambda state: interrupt("approve?"))
asking_inside = line(line(lambda state: interrupt("approve?")))
asking_twice = beside(lambda state: interrupt("one?"), lambda state: interrupt("two?"))
stopped_before = line(writing(AIMessage("never")), interrupt_before=["n0"], checkpointer=InMemorySaver())
stopped_after = line(
    writing(AIMessage("first")),
    writing(AIMessage("never")),
    interrupt_after=["n0"],
    checkpointer=InMemorySaver(),
)
routing = line(nothing)
echoing = line(lambda state: {"messages": state["messages"][-1]})
tool_calls_only = line(writing(AIMessage("", tool_calls=[{"name": "x", "args": {}, "id": "1"}])))
tool_last = line(
    writing(
        AIMessage("", tool_calls=[{"name": "x", "args": {}, "id": "1"}]), ToolMessage("42", tool_call_id="1")
    )
)
as_a_person = line(lambda state: {"messages": ["said as a person's"]})


def ask_inside(question):
    """Ask a graph that waits, from a function."""
    return asking_without_memory.invoke({"messages": [HumanMessage(question)]})


# States without messages.


class Rag(TypedDict, total=False):
    """What a graph that looks documents up has in its state."""

    question: str
    documents: list[str]
    generation: str


looked_up = line(
    lambda state: {"documents": ["secret passage"]},
    lambda state: {"generation": f"about {state['question']}"},
    state=Rag,
)


async def generate(state):
    """Answer by a model."""
    said = await speaker.ainvoke(state["question"])
    return {"generation": said.content}


generated = line(lambda state: {"documents": ["secret passage"]}, generate, state=Rag)


class Topic(TypedDict):
    """A state with one member of another name."""

    topic: str


class Joke(BaseModel):
    """A state that pydantic checks."""

    question: str
    answer: str = ""


class Strange(TypedDict):
    """A state that cannot be asked anything."""

    left: str
    right: str


by_topic = line(lambda state: {"topic": f"a joke on {state['topic']}"}, state=Topic)
by_model_state = line(lambda state: {"answer": f"no joke on {state.question}"}, state=Joke)
strange = line(nothing, state=Strange)


class Typed(BaseModel):
    """Messages that pydantic checks."""

    messages: Annotated[list[Any], operator.add]


typed = line(lambda state: {"messages": [AIMessage(state.messages[-1].content[::-1])]}, state=Typed)


def writing_custom(state):
    """Tell about progress, and answer."""
    writer = get_stream_writer()
    writer("working… ")
    writer({"progress": 1})
    return {"messages": [AIMessage("done")]}


async def only_custom(state):
    """Say all by the stream writer, as models that LangChain does not know are streamed."""
    writer = get_stream_writer()
    writer("said ")
    writer("by hand")
    return {}


custom = line(writing_custom)
custom_only = line(only_custom)


# The functional API.


@task
async def ask_model(question):
    """Ask a model."""
    return (await speaker.ainvoke(question)).content


@entrypoint()
async def functional(question: str) -> str:
    """Return what a task returned."""
    return await ask_model(question)


@entrypoint()
def functional_at_once(question: str) -> str:
    """Return another text than a model said; not async."""
    return f"Bot: {speaker.invoke(question).content}"


@entrypoint()
def functional_text(question: str) -> str:
    """Ask no model."""
    return question[::-1]


@entrypoint()
async def functional_messages(messages: list[Any]) -> Any:
    """Return a message."""
    return await speaker.ainvoke(messages)


@entrypoint()
def functional_members(given: dict[str, Any]) -> dict[str, Any]:
    """Return an object."""
    return {"answer": given["question"][::-1], "question": given["question"]}


@entrypoint(checkpointer=InMemorySaver())
def functional_asking(question: str) -> str:
    """Wait for a person."""
    return interrupt("approve?")
