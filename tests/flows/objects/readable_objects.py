"""Runnables and callables that answer in all the shapes that such objects answer in."""

import dataclasses
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import (
    CommaSeparatedListOutputParser,
    JsonOutputParser,
    MarkdownListOutputParser,
    PydanticOutputParser,
    StrOutputParser,
)
from langchain_core.runnables import RunnableGenerator, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel

from tests.flows.chains import model
from tests.flows.objects.spoken_graphs import Parts, Whole


class Score(BaseModel):
    """What a model is asked for."""

    answer: str
    score: int


class Joke(BaseModel):
    """What has no answer."""

    setup: str
    punchline: str


@dataclasses.dataclass
class Reply:
    """An answer as a dataclass."""

    answer: str
    cost: float = 0.5


SCORE = '{"answer": "forty two", "score": 3}'
PAGES = [
    Document("first page", metadata={"source": "a.md"}),
    Document("second page", metadata={"source": "b.md"}),
]

# Parsers, which yield what there is so far.
json_parsed = model(SCORE) | JsonOutputParser()
json_late = model('{"score": 3, "answer": "forty two"}') | JsonOutputParser()
json_other_first = model('{"text": "the passage", "answer": "forty two"}') | JsonOutputParser()
json_output = model('{"output": "forty two"}') | JsonOutputParser()
json_number = model('{"answer": 42.25}') | JsonOutputParser()
json_inside = model('{"answer": {"text": "forty two"}}') | JsonOutputParser()
json_list = model('["red", "green"]') | JsonOutputParser()
json_growing_list = model('["1", "10", "100"]') | JsonOutputParser()
json_joke = model('{"setup": "why", "punchline": "so"}') | JsonOutputParser()
json_halves = Parts(parts=('{"answer": "Hi \\ud83d', "\\ude00 the", 're"}')) | JsonOutputParser()
json_empty = model("{}") | JsonOutputParser()
pydantic_parsed = model(SCORE) | PydanticOutputParser(pydantic_object=Score)
pydantic_joke = model('{"setup": "why", "punchline": "so"}') | PydanticOutputParser(pydantic_object=Joke)
listed = model("red, green, blue") | CommaSeparatedListOutputParser()
listed_beginnings = model("1, 10, 100") | CommaSeparatedListOutputParser()
listed_one = model("red") | CommaSeparatedListOutputParser()
markdown_listed = model("- red\n- green\n") | MarkdownListOutputParser()
text_parsed = model("forty two words") | StrOutputParser()
text_repeating = Parts(parts=("ha", "ha", "ha", " 1", "10")) | StrOutputParser()
parsed_then_lambda = model(SCORE) | JsonOutputParser() | RunnableLambda(lambda found: found["answer"].upper())

# Objects whose pieces are added to each other.
assigned = RunnablePassthrough.assign(answer=RunnableLambda(lambda given: "the answer")).with_types(
    input_type=dict[str, Any]
)
assigned_stream = RunnableParallel(
    question=RunnablePassthrough(), answer=model("an answer in words") | StrOutputParser()
)
assigned_message = RunnableParallel(answer=model("an answer in words"))
assigned_json = RunnableParallel(answer=model(SCORE) | JsonOutputParser())
paired = RunnableParallel(
    joke=RunnableLambda(lambda text: "a joke"), poem=RunnableLambda(lambda text: "a poem")
)
documented = RunnableParallel(
    context=RunnableLambda(lambda text: PAGES), joke=RunnableLambda(lambda text: "a joke")
)
echoing = RunnablePassthrough().with_types(input_type=Score)


async def _agent_steps(given):
    async for _ in given:
        pass
    yield AddableDict(actions=["look up"], messages=[AIMessage("")])
    yield AddableDict(steps=["found"], messages=[HumanMessage("found")])
    yield AddableDict(output="it is found", messages=[AIMessage("it is found")])


agent_steps = RunnableGenerator(_agent_steps)


def pieces(*values):
    """Return a Runnable that yields these."""

    async def give(given):
        async for _ in given:
            pass
        for value in values:
            yield value

    return RunnableGenerator(give)


yielded = pieces("The ", "answer ", "is ", "here")
yielded_growing = pieces("The", "The answer", "The answer is", "The answer is here")
yielded_growing_twice = pieces("The answer", "The answer is here")
yielded_growing_objects = pieces(
    {"answer": "The"}, {"answer": "The answer"}, {"answer": "The answer is here"}
)
yielded_objects = pieces({"answer": "The "}, {"answer": "answer "}, {"answer": "is here"})
yielded_nothing_first = pieces(None, "The answer", None)
yielded_messages = pieces(AIMessageChunk(content="The "), AIMessageChunk(content="answer"))

# Whole values.
whole_message = RunnableLambda(lambda text: AIMessage("a message"))
whole_parts = RunnableLambda(
    lambda text: AIMessage([{"type": "reasoning", "reasoning": "…"}, {"type": "text", "text": "parts"}])
)
whole_object = RunnableLambda(lambda text: {"result": "found", "source_documents": PAGES})
whole_model = RunnableLambda(lambda text: Score(answer="forty two", score=3))
whole_dataclass = RunnableLambda(lambda text: Reply("forty two"))
whole_state = RunnableLambda(lambda text: {"messages": [HumanMessage(text), AIMessage("the last word")]})
whole_messages = RunnableLambda(lambda text: [HumanMessage(text), AIMessage("the last word")])
retrieved = RunnableLambda(lambda text: PAGES)
retrieved_one = RunnableLambda(lambda text: PAGES[0])
no_stream = Whole(text="in one piece") | StrOutputParser()


async def messages_of(messages: list[Any]) -> str:
    """Take messages, as LangChain has them."""
    return " | ".join(f"{message.type}: {message.content}" for message in messages)


taking_messages = RunnableLambda(messages_of)

number = RunnableLambda(lambda text: 42)
truth = RunnableLambda(lambda text: True)
nothing = RunnableLambda(lambda text: None)
other = RunnableLambda(lambda text: object())
silent = RunnableLambda(lambda text: "")


# Callables.


def answer(question):
    """Return an object with another member than ours."""
    return {"answer": "forty two", "score": 3}


def text_first(question):
    """Return both; ours counts."""
    return {"answer": "not this", "text": "this"}


async def output(question):
    """Return an agent's object; async."""
    return {"output": "forty two", "intermediate_steps": [object()]}


def chain_result(question):
    """Return what a retrieval chain returns."""
    return {"query": question, "result": "found", "source_documents": PAGES}


def message(question):
    """Return a message in an object."""
    return {"answer": AIMessage("forty two")}


def pydantic_object(question):
    """Return a model of pydantic's."""
    return Score(answer="forty two", score=3)


def list_of_texts(question):
    """Return a list."""
    return ["red", "green"]


def only_data(question):
    """Return an object without a text of a known name."""
    return {"setup": "why", "punchline": "so"}


def growing(question):
    """Yield all there is so far, as Gradio's functions do."""
    for end in range(1, len("The answer") + 1):
        yield "The answer"[:end]


async def growing_async(question):
    """The same, async."""
    for text in ("The", "The answer", "The answer", "The answer is here"):
        yield text


async def growing_again(question):
    """Replace one text by another, which cannot be taken back."""
    for text in ("Look", "Looking", "Looking up", "Found", "Found it"):
        yield text


def adding(question):
    """Yield increments that begin alike."""
    yield from ("no", "nothing", " no")


def halves(question):
    """Yield a character in two pieces."""
    yield "Hi \ud83d"
    yield "\ude00 there"


def half(question):
    """Yield half of a character."""
    yield "Hi \ud83d"


async def text_then_sources(question):
    """Yield pieces, and at the end the whole with its sources."""
    yield "The "
    yield "answer"
    yield {"text": "The answer", "sourceDocuments": [{"pageContent": "p", "metadata": {}}]}


async def text_then_only_sources(question):
    """Yield pieces, and at the end the sources."""
    yield "The answer"
    yield {"sourceDocuments": [{"pageContent": "p", "metadata": {}}]}


def none(question):
    """Return nothing."""


async def none_async(question):
    """Return nothing."""


def empty_object(question):
    """Return an empty object."""
    return {}


def no_text(question):
    """Return an object that says nothing."""
    return {"answer": None, "sourceDocuments": []}


def raising(question):
    """Raise with a secret in the message."""
    raise ValueError("the password is hunter2")
