"""LangGraph graphs answer once, in order, and say so when they wait; real graphs, over the engine."""

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.drafts.templates import python_flow
from flowkeys.flows.settings import FlowSettings
from tests.flows.objects import spoken_graphs
from tests.flows.objects.spoken_graphs import WORDS, rewrites
from tests.flows.support import TALK, call, run

WAITS = "the graph waits for a person, which this server cannot"
ENDED = "the graph ended without an answer"

# What each graph answers to "hi there".
ANSWERS = {
    **dict.fromkeys(rewrites, WORDS),
    **dict.fromkeys((f"{name}_at_once" for name in rewrites), WORDS),
    # What a node adds to its model's words is said too; what it puts before them comes too late.
    "longer": f"{WORDS}. Sources: a, b",
    "longer_same_id": f"{WORDS}!",
    "and_more": f"{WORDS}\n\nAnything else?",
    # Where the model was not heard, its node's message is the answer, as it is.
    "of_quiet": f"Bot: {WORDS}",
    "of_quiet_itself": WORDS,
    "of_whole": f"Bot: {WORDS}",
    "of_whole_itself": WORDS,
    "of_whole_unwritten": WORDS,
    "of_parts": WORDS,
    "half_character": "Hi 😀 there",
    # Data is for the node; it is the answer only when nobody makes anything else of it.
    "of_data": "forty two",
    "of_data_itself": '{"answer": "forty two"}',
    "routed_by_data": WORDS,
    "only_data": '{"answer": "forty two"}',
    # From one node to the next.
    "handed_on": WORDS,
    "formatted_later": WORDS,
    "replaced_later": WORDS,
    "forgetting": WORDS,
    "added": WORDS,
    "added_pair": "as a pair",
    "added_text": "as a text",
    "two_models": "first words\n\nsecond words",
    "two_alike": "I agree with you\n\nI agree with her",
    "two_written": "first\n\nsecond",
    "spoken_and_written": f"{WORDS}\n\nand a word of mine",
    "commanded": WORDS,
    "as_objects": "ereht ih",
    # Beside each other: one after the other.
    "parallel": "one two three four\n\nfive six seven eight",
    "parallel_rewritten": "one two three four\n\nfive six seven eight",
    "gathered": "one two three four\n\nfive six seven eight",
    "parallel_joined": "one two three four\n\nfive six seven eight\n\nnine ten",
    # Graphs inside graphs.
    "nested": WORDS,
    "nested_rewritten": WORDS,
    "nested_written": "written inside",
    "called": WORDS,
    # Tools: what a model says before it calls one, and after; a tool's own words where it answers directly.
    "with_tools": "Let me look.\n\nIt is found.",
    "with_tools_at_once": "It is found.",
    "returning_directly": "told: x",
    "tool_last": "42",
    "as_a_person": "said as a person's",
    # States without messages.
    "looked_up": "about hi there",
    "generated": WORDS,
    "by_topic": "a joke on hi there",
    "by_model_state": "no joke on hi there",
    "typed": "ereht ih",
    # What is written to the stream is the answer only when there is no other.
    "custom": "done",
    "custom_only": "said by hand",
    # The functional API.
    "functional": WORDS,
    "functional_at_once": WORDS,
    "functional_text": "ereht ih",
    "functional_messages": WORDS,
    "functional_members": "ereht ih",
}
BESIDE = {"parallel", "parallel_rewritten", "gathered", "parallel_joined"}
"""Graphs in which two models are asked at once: the one that speaks first is heard first."""
STREAMED = (
    "same_message",
    "new_message",
    "pair",
    "nested",
    "parallel",
    "gathered",
    "functional",
    "with_tools",
)
FAILURES = {
    **dict.fromkeys(
        (
            "asking",
            "asking_without_memory",
            "asking_after_words",
            "asking_inside",
            "asking_twice",
            "stopped_before",
            "stopped_after",
            "stopped_before_tools",
            "functional_asking",
            "ask_inside",
        ),
        WAITS,
    ),
    "routing": ENDED,
    "echoing": ENDED,
    "tool_calls_only": ENDED,
    "strange": "the graph cannot be asked: its state has neither messages nor question, input or query",
}


async def ask(name, history=()):
    """Run Start → Python with one of the graphs."""
    target = f"{spoken_graphs.__name__}:{name}"
    settings = FlowSettings(python_targets=(target,))
    return await run(python_flow(target), call("hi there", history=history), settings=settings)


def welcome(name):
    """Return what a graph may answer."""
    one, *others = ANSWERS[name].split("\n\n")
    if name not in BESIDE:
        return {ANSWERS[name]}
    return {ANSWERS[name], "\n\n".join([others[0], one, *others[1:]])}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_graph_says_each_thing_once_and_in_order(name):
    """The text is that of the tokens, which `run` compares: it is the same whether it is streamed or not."""
    ran = await ask(name)
    assert ran.result.text in welcome(name)
    assert (name not in STREAMED) or len(ran.tokens) > 3


@pytest.mark.parametrize("name", ["parallel_at_once", "sent"])
async def test_threads_beside_each_other_speak_one_after_the_other(name):
    """Which of two threads speaks first is open; neither interrupts the other."""
    said = (await ask(name)).result.text.split("\n\n")
    assert sorted(said) == ["five six seven eight", "one two three four"]


@pytest.mark.parametrize("name", FAILURES)
async def test_a_graph_without_an_answer_says_why(name):
    """A question is never repeated as the answer, and a graph that waits is no graph that answered."""
    with pytest.raises(UpstreamFailed) as caught:
        await ask(name)
    assert str(caught.value).startswith(f"Python 0: {FAILURES[name]}")
    assert "approve" not in str(caught.value)


@pytest.mark.parametrize("name", ["same_message", "new_message", "routing", "as_objects"])
async def test_a_graph_never_repeats_an_earlier_conversation(name):
    """Earlier answers are in its state too; they are not said again."""
    if name == "routing":
        with pytest.raises(UpstreamFailed, match=ENDED):
            await ask(name, history=TALK)
    else:
        assert (await ask(name, history=TALK)).result.text == ANSWERS[name]
