"""LangChain Runnables and LangGraph graphs that flows in the tests run; models are LangChain's own fakes."""

from operator import itemgetter

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel


class Endless:
    """Messages without end, so that a fake model can be asked again and again."""

    def __init__(self, *texts):
        self._texts = texts
        self._next = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._next += 1
        return AIMessage(self._texts[(self._next - 1) % len(self._texts)])


def model(*texts):
    """A chat model that says these texts in turn, word by word."""
    return GenericFakeChatModel(messages=Endless(*texts))


def show(messages):
    """Return messages as one text."""
    return " | ".join(f"{message.type}: {message.content}" for message in messages)


chat_model = model("hello from a model")
shout = RunnableLambda(lambda text: text.upper())
prompted = (
    ChatPromptTemplate([("system", "s"), ("placeholder", "{history}"), ("human", "{question}")])
    | RunnableLambda(lambda prompt: show(prompt.to_messages()))
)  # fmt: skip
passed = {"question": RunnablePassthrough(), "context": RunnableLambda(lambda text: f"about {text}")} | (
    ChatPromptTemplate([("human", "{context}: {question}")]) | model("a parsed answer") | StrOutputParser()
)
picked = {"q": itemgetter("question"), "h": itemgetter("history")} | RunnableLambda(
    lambda given: f"{given['q']} after {len(given['h'])}"
)


told = RunnableLambda(lambda prompt: prompt.to_messages()[-1].content)
about = ChatPromptTemplate.from_template("about {topic}") | told
about_with_history = (
    ChatPromptTemplate([("placeholder", "{history}"), ("human", "about {topic}")]) | told
)  # fmt: skip
passed_beside = RunnableParallel(context=lambda _: "doc", question=RunnablePassthrough()) | (
    ChatPromptTemplate([("human", "{context}: {question}")]) | told
)
passed_with_config = passed_beside.with_config(tags=["t"])
beside = RunnableParallel(one=shout, two=RunnablePassthrough())
prompts_beside = RunnableParallel(one=about, two=about)
picked_beside = RunnableParallel(one=itemgetter("question"), two=lambda given: given["question"])


class Asked(BaseModel):
    """What a chain says it takes."""

    question: str


answering = RunnablePassthrough.assign(
    answer=RunnableLambda(lambda given: f"answer to {given['question']}")
).with_types(input_type=Asked)
failing = RunnableLambda(lambda text: 1 / 0)


def _graph(**nodes):
    builder = StateGraph(MessagesState)
    names = list(nodes)
    for name in names:
        builder.add_node(name, nodes[name])
    for one, two in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(one, two)
    return builder


speaking = model("streamed by a graph")
silent = model("not for the reader").with_config(tags=["nostream"])


async def speak(state):
    """Ask a model."""
    return {"messages": [await speaking.ainvoke(state["messages"])]}


async def think(state):
    """Ask a model whose words are not for the reader."""
    await silent.ainvoke(state["messages"])
    return {}


def recite(state):
    """Say what messages the graph was given."""
    return {"messages": [AIMessage(show(state["messages"]))]}


graph = _graph(think=think, speak=speak).compile()
uncompiled = _graph(recite=recite)
remembering = _graph(recite=recite).compile(checkpointer=InMemorySaver())
