"""`startAgentflow`: chat and form input, state, and what it refuses."""

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import TALK, call, edge, flow_data, node, problems, run

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
    """The fields reach the reply, and the entry of Start shows the form and what was filled in, in lines."""
    given = {"city": "Rome", "age": 41, "size": None}
    text = "{{ $form.city }} {{ $form.age }} {{ $form.size }} {{ $form.news }} [{{ question }}]"
    ran = await run(flow(FORM, text), call("city: Rome", asked=None, form=given))
    assert ran.result.text == "Rome 41 {{ $form.size }} {{ $form.news }} []"
    data = ran.result.executed[0]["data"]
    assert data["output"] == {"form": "city: Rome"}
    assert data["input"] == {"form": {"title": "About you", "description": "", "inputs": FIELDS}}


KEPT = {"name": "startAgentflow", "output": {"form": "city: Rome\nage: 41\nno field"}, "state": {"a": "1"}}
ULM = {"city": "Ulm"}
LAST = {"name": "directReplyAgentflow", "output": {"content": "x"}, "state": {"a": "2", "b": [1]}}


def kept(*data):
    """Return what loads the nodes of a session's last answer."""

    async def load():
        return [{"nodeId": "x", "data": item} for item in data]

    return load


@pytest.mark.parametrize(
    ("latest", "form", "expected", "output"),
    [
        (kept(KEPT, LAST), None, "Rome 41", {"form": {"city": "Rome", "age": "41"}}),
        (
            kept({**KEPT, "output": {"form": {"city": "Ulm"}}}),
            None,
            "Ulm {{ $form.age }}",
            {"form": {"city": "Ulm"}},
        ),
        (kept(KEPT), {"city": "Bonn"}, "Bonn {{ $form.age }}", {"form": "again"}),
        (kept(), None, "{{ $form.city }} {{ $form.age }}", {"form": "again"}),
        (
            kept({"output": {"form": "words alone"}}),
            None,
            "{{ $form.city }} {{ $form.age }}",
            {"form": "again"},
        ),
        (kept({"output": 7}), None, "{{ $form.city }} {{ $form.age }}", {"form": "again"}),
        (None, None, "{{ $form.city }} {{ $form.age }}", {"form": "again"}),
    ],
)
async def test_a_session_remembers_the_last_form(latest, form, expected, output):
    """When the next call brings none; numbers come back as texts."""
    data = flow(FORM, "{{ $form.city }} {{ $form.age }}")
    ran = await run(data, call("again", form=form, latest=latest))
    assert ran.result.text == expected
    assert ran.result.executed[0]["data"]["output"] == output


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (kept(KEPT, LAST), {"a": "2", "b": [1]}),
        (kept(), {"a": "0"}),
        (kept({"state": 7}), {"a": "0"}),
        (None, {"a": "0"}),
    ],
)
async def test_a_state_that_persists_is_that_of_the_last_answer(latest, expected):
    """It takes the place of the first values, those of keys that it lacks among them."""
    start = {"startPersistState": True, "startState": [{"key": "a", "value": "0"}]}
    ran = await run(flow(start), call(latest=latest))
    assert ran.result.executed[0]["data"]["state"] == expected
    assert ran.result.executed[0]["data"]["output"] == {"question": "Hello", "persistState": True}


async def test_what_a_session_kept_is_not_loaded_for_nothing():
    """Neither by a chat, nor by a form that was filled in."""

    async def fail():
        raise AssertionError("loaded")

    await run(flow({}), call(latest=fail))
    await run(flow(FORM), call("x", form={"city": "Rome"}, latest=fail))


@pytest.mark.parametrize(
    ("asked", "text", "output"),
    [
        (42, "42", {"question": 42}),
        ([1, None, "a", [True]], "1,,a,true", {"question": [1, None, "a", [True]]}),
        ({"a": 1}, "[object Object]", {"question": {"a": 1}}),
        ([], "", {"question": []}),
        (False, "false", {}),
        (0, "0", {}),
        (None, "", {}),
        ("", "", {}),
    ],
)
async def test_a_question_may_be_of_any_type(asked, text, output):
    """In a text it is as JavaScript writes it; nodes that name nothing take texts alone."""
    ran = await run(flow({}, "{{ question }}"), call("", asked=asked))
    assert ran.result.text == text
    assert ran.result.executed[0]["data"]["output"] == output


async def test_files_stand_before_the_question():
    """And alone where the flow asks for them."""
    given = call("<doc name='a'>x</doc>\n\nHi", asked="Hi", attached="<doc name='a'>x</doc>")
    assert (await run(flow({}, "[{{ question }}]"), given)).result.text == "<doc name='a'>x</doc>\n\n[Hi]"
    assert (await run(flow({}, "[{{ file_attachment }}]"), given)).result.text == "[<doc name='a'>x</doc>]"
    assert (
        await run(flow({}, "{{ startAgentflow_0.output.question }}"), given)
    ).result.text == given.question


async def test_another_input_type_runs_and_takes_nothing():
    """As Flowise has it."""
    ran = await run(flow({"startInputType": "telepathy"}, "{{ question }}"))
    assert ran.result.text == "Hello"
    assert ran.result.executed[0]["data"]["output"] == {}


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
        ({"startInputType": "webhookTrigger"}, "it is begun by a webhook"),
        ({"startInputType": "scheduleInput"}, "it is begun by a schedule"),
        ({"startInputType": ""}, "it has no input type"),
        ({"startState": "{"}, "startState is not a list"),
        ({"startState": [1]}, "startState is not a list of objects"),
        ({"startInputType": ["chatInput"]}, "it has no input type"),
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
