"""`pythonAgentflow` with real LangChain Runnables and LangGraph graphs."""

import subprocess
import sys

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.drafts.templates import python_flow
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import TALK, call, run


async def ask(name, question="hi there", history=TALK):
    """Run Start → Python with an object of `chains`."""
    target = f"tests.flows.chains:{name}"
    settings = FlowSettings(python_targets=(target,))
    return await run(python_flow(target), call(question, history=history), settings=settings)


async def test_a_model_is_asked_with_the_conversation_and_streams():
    """A chat model answers, word by word."""
    ran = await ask("chat_model")
    assert ran.result.text == "hello from a model"
    assert len(ran.tokens) > 3


async def test_a_runnable_that_takes_a_text_is_given_the_question_alone():
    """The history is not even loaded: `call` fails when it is asked for."""
    assert (await ask("shout", history=None)).result.text == "HI THERE"


async def test_a_prompt_is_given_what_it_names():
    """The names of a prompt's variables say what goes where."""
    ran = await ask("prompted")
    assert ran.result.text == "system: s | human: I am Ada. | ai: Hello Ada. | human: hi there"


async def test_a_chain_that_picks_from_its_input_is_given_what_it_picks():
    """LangChain tells from `itemgetter` what a chain takes."""
    assert (await ask("picked")).result.text == "hi there after 2"


GIVEN = {
    "about": "about hi there",
    "about_with_history": "about hi there",
    "passed_beside": "doc: hi there",
    "passed_with_config": "doc: hi there",
    "beside": '{"one":"HI THERE","two":"hi there"}',
    "prompts_beside": '{"one":"about hi there","two":"about hi there"}',
    "picked_beside": '{"one":"hi there","two":"hi there"}',
}


async def test_a_chain_is_given_the_question_where_it_has_its_only_place():
    """A prompt with one variable of any name; a dict of steps takes what its steps take."""
    assert {name: (await ask(name)).result.text for name in GIVEN} == GIVEN


async def test_a_chain_with_a_parser_streams_its_pieces():
    """The usual chain of retriever, prompt, model and parser."""
    ran = await ask("passed", history=None)
    assert ran.result.text == "a parsed answer"
    assert len(ran.tokens) > 2


async def test_a_chain_that_returns_an_object_answers_with_its_answer():
    """What the answer was made of is not said."""
    assert (await ask("answering", history=None)).result.text == "answer to hi there"


async def test_a_graph_streams_the_words_that_are_for_the_reader():
    """LangGraph's own tag keeps a model inside the graph from being heard."""
    ran = await ask("graph")
    assert ran.result.text == "streamed by a graph"
    assert len(ran.tokens) > 3


async def test_a_graph_is_given_the_conversation_and_need_not_be_compiled():
    """The messages are history and question; a message that a node makes is an answer too."""
    ran = await ask("uncompiled")
    assert ran.result.text == "human: I am Ada. | ai: Hello Ada. | human: hi there"


async def test_a_graph_with_a_checkpointer_remembers_nobody():
    """A checkpointer is shared by session name; here a session belongs to one key, so it is not used."""
    first = await ask("remembering", "my secret", history=[])
    second = await ask("remembering", "what was it", history=[])
    assert first.result.text == "human: my secret"
    assert second.result.text == "human: what was it"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("failing", "Python 0: the Python object raised ZeroDivisionError."),
    ],
)
async def test_what_fails_inside_is_named_by_its_type(name, message):
    """Nothing of the inside of a chain reaches the caller."""
    with pytest.raises(UpstreamFailed) as caught:
        await ask(name, history=[])
    assert str(caught.value).startswith(message)


PROGRAM = """
import asyncio, sys
sys.path.insert(0, ".")
from flowkeys.flows.settings import FlowSettings
from flowkeys.flows.drafts.templates import python_flow
from tests.flows.support import call, run

target = "tests.flows.targets:shout"
ran = asyncio.run(run(python_flow(target), call("hi"), settings=FlowSettings(python_targets=(target,))))
assert ran.result.text == "HI!"
heavy = {"langchain_core", "langgraph", "httpx", "justhtml"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_plain_function_loads_no_framework():
    """LangChain, LangGraph and httpx are loaded by flows that use them, and by no others."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
