"""`startAgentflow`: chat and form input, state, and what it refuses."""

import pytest

from flowkeys.domain.errors import InvalidInput, UpstreamFailed
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import TALK, call, chatflow, edge, engine, flow_data, node, problems, run

FIELDS = [
    {"type": "string", "label": "Your city", "name": "city"},
    {"type": "number", "label": "Age", "name": "age"},
    {"type": "boolean", "label": "News", "name": "news"},
    {"type": "options", "label": "Size", "name": "size", "addOptions": [{"option": "S"}, {"option": "L"}]},
]
FORM = {
    "startInputType": "formInput",
    "formTitle": "About you",
    "formDescription": "",
    "formInputTypes": FIELDS,
}


def flow(start, text="{{ question }}"):
    """Start → Direct Reply."""
    nodes = [node("startAgentflow_0", start), node("directReplyAgentflow_0", {"directReplyMessage": text})]
    return flow_data(nodes, [edge("startAgentflow_0", "directReplyAgentflow_0")])


async def test_a_form_is_filled_in_and_its_fields_are_variables():
    """The fields reach the reply, and the entry of Start shows the form and what was filled in."""
    given = {"city": "Rome", "age": "41", "size": "L"}
    ran = await run(flow(FORM, "{{ $form.city }} {{ $form.age }} {{ $form.size }}"), call("", form=given))
    assert ran.result.text == "Rome 41 L"
    data = ran.result.executed[0]["data"]
    assert data["output"] == {"form": given}
    assert data["input"] == {"form": {"title": "About you", "description": "", "inputs": FIELDS}}


async def test_a_form_is_also_a_question():
    """Where a text is needed, a form is its fields, one a line."""
    ran = await run(flow(FORM), call("", form={"city": "Rome", "age": 41, "size": "S"}))
    assert ran.result.text == "city: Rome\nage: 41\nsize: S"


@pytest.mark.parametrize(
    ("form", "faults"),
    [
        (
            None,
            {
                "form.city": "Your city is missing.",
                "form.age": "Age is missing.",
                "form.size": "Size is missing.",
            },
        ),
        ({"city": "", "age": 1, "size": "S"}, {"form.city": "Your city is missing."}),
        ({"city": "Rome", "age": "old", "size": "S"}, {"form.age": "Age has to be a number."}),
        ({"city": "Rome", "age": True, "size": "S"}, {"form.age": "Age has to be a number."}),
        ({"city": "Rome", "age": 1, "size": "M"}, {"form.size": "Size has to be one of: S, L."}),
    ],
)
async def test_a_form_with_faults_is_refused_field_by_field_before_anything_is_sent(form, faults):
    """The caller can still be answered with a status: no event has gone out, and each field is named."""

    async def emit(event):
        raise AssertionError(event)

    with pytest.raises(InvalidInput) as caught:
        await engine().compile(chatflow(flow(FORM))).run(call("", form=form), emit)
    assert {error.field: error.message for error in caught.value.errors} == faults


async def test_a_chat_needs_a_question():
    """A call with neither question nor form is refused, naming the field."""
    with pytest.raises(InvalidInput) as caught:
        await run(flow({"startInputType": "chatInput"}), call(""))
    assert [error.field for error in caught.value.errors] == ["question"]


@pytest.mark.parametrize("state", ['[{"key": "a", "value": "1"}]', [{"key": "a", "value": "1"}]])
async def test_the_state_can_be_a_list_or_the_text_of_one(state):
    """Both forms that exports have set the state."""
    ran = await run(flow({"startState": state}, "{{ $flow.state.a }}"))
    assert ran.result.text == "1"


async def test_ephemeral_memory_forgets_the_conversation():
    """With ephemeral memory no earlier message is known to the flow, and the entry says so."""
    start = {"startEphemeralMemory": True}
    ran = await run(flow(start, "[{{ chat_history }}]"), call(history=TALK))
    assert ran.result.text == "[]"
    assert ran.result.executed[0]["data"]["output"] == {"question": "Hello", "ephemeralMemory": True}


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ({"startInputType": "webhookTrigger"}, "the input type 'webhookTrigger' is not supported"),
        ({"startPersistState": True}, "Persist State is not supported"),
        ({"startState": "{"}, "startState is not a list"),
        ({"startState": [1]}, "startState is not a list of objects"),
        ({"startInputType": ["chatInput"]}, "startInputType is not a text"),
        ({**FORM, "formInputTypes": [{"label": "x"}]}, "a form field has no variable name"),
    ],
)
def test_what_start_cannot_do_is_a_problem(start, expected):
    """An option that would mean something else here is said, not ignored."""
    assert expected in problems(flow(start))


async def test_a_state_that_is_too_long_from_the_start_ends_the_run():
    """The limit holds for what the flow's author writes too."""
    data = flow({"startState": [{"key": "k", "value": "x" * 100}]})
    with pytest.raises(UpstreamFailed, match="startAgentflow_0: the state"):
        await run(data, settings=FlowSettings(state_characters=50))
