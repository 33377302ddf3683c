"""What Runnables and callables return is read as people mean it: once, whatever its pieces are."""

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.drafts.templates import python_flow
from flowkeys.flows.settings import FlowSettings
from tests.flows.objects import readable_objects
from tests.flows.support import TALK, call, run

ANSWERS = {
    **dict.fromkeys(
        [
            "json_parsed",
            "json_late",
            "json_other_first",
            "json_output",
            "json_inside",
            "pydantic_parsed",
            "assigned_json",
            "whole_model",
            "whole_dataclass",
            "answer",
            "output",
            "message",
            "pydantic_object",
        ],
        "forty two",
    ),
    "json_number": "42.25",
    "json_list": "- red\n- green",
    "json_growing_list": "- 1\n- 10\n- 100",
    "json_joke": '{"setup":"why","punchline":"so"}',
    "json_halves": "Hi 😀 there",
    "pydantic_joke": '{"setup":"why","punchline":"so"}',
    "listed": "- red\n- green\n- blue",
    "listed_beginnings": "- 1\n- 10\n- 100",
    "listed_one": "red",
    "markdown_listed": "- red\n- green",
    "text_parsed": "forty two words",
    "text_repeating": "hahaha 110",
    "parsed_then_lambda": "FORTY TWO",
    "assigned": "the answer",
    "assigned_stream": "an answer in words",
    "assigned_message": "an answer in words",
    "paired": '{"joke":"a joke","poem":"a poem"}',
    "documented": "a joke",
    "agent_steps": "it is found",
    **dict.fromkeys(
        [
            "yielded",
            "yielded_growing",
            "yielded_growing_twice",
            "yielded_growing_objects",
            "yielded_objects",
            "growing_async",
        ],
        "The answer is here",
    ),
    **dict.fromkeys(
        [
            "yielded_nothing_first",
            "yielded_messages",
            "growing",
            "text_then_sources",
            "text_then_only_sources",
        ],
        "The answer",
    ),
    "growing_again": "Looking up\n\nFound it",
    "adding": "nonothing no",
    "halves": "Hi 😀 there",
    "half": "Hi \ufffd",
    "whole_message": "a message",
    "whole_parts": "parts",
    "whole_object": "found",
    "whole_state": "the last word",
    "whole_messages": "the last word",
    "retrieved": "first page\n\nsecond page",
    "retrieved_one": "first page",
    "no_stream": "in one piece",
    "taking_messages": "human: I am Ada. | ai: Hello Ada. | human: hi there",
    "text_first": "this",
    "chain_result": "found",
    "list_of_texts": "- red\n- green",
    "only_data": '{"setup":"why","punchline":"so"}',
}
SOURCES = {
    "whole_object": ["first page", "second page"],
    "retrieved": ["first page", "second page"],
    "retrieved_one": ["first page"],
    "chain_result": ["first page", "second page"],
    "text_then_sources": ["p"],
    "text_then_only_sources": ["p"],
}
STREAMED = ("text_parsed", "json_parsed", "assigned_stream", "growing", "yielded_growing")
FAILURES = {
    "number": "the Python object returned int, which is no text.",
    "truth": "the Python object returned bool, which is no text.",
    "other": "the Python object returned object, which is no text.",
    "nothing": "the Python object returned nothing.",
    "silent": "the Python object answered without any text.",
    "json_empty": "the Python object returned an empty dict without text, answer or output.",
    "none": "the Python object returned nothing.",
    "none_async": "the Python object returned nothing.",
    "empty_object": "the Python object returned an empty dict without text, answer or output.",
    "no_text": "the Python object returned dict without text, answer or output.",
    "raising": "the Python object raised ValueError.",
}


async def ask(name):
    """Run Start → Python with one of the objects."""
    target = f"{readable_objects.__name__}:{name}"
    settings = FlowSettings(python_targets=(target,))
    return await run(python_flow(target), call("hi there", history=TALK), settings=settings)


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_an_object_returns_is_said_once(name):
    """The text is that of the tokens, which `run` compares: it is the same whether it is streamed or not."""
    ran = await ask(name)
    assert ran.result.text == ANSWERS[name]
    assert [found["pageContent"] for found in ran.result.source_documents] == SOURCES.get(name, [])
    assert (name not in STREAMED) or len(ran.tokens) > 1


@pytest.mark.parametrize("name", FAILURES)
async def test_what_is_no_answer_is_said_in_a_sentence(name):
    """The sentence names what came back, and nothing of its inside."""
    with pytest.raises(UpstreamFailed) as caught:
        await ask(name)
    assert str(caught.value) == f"Python 0: {FAILURES[name]}"
