"""Variables in texts: what each stands for, and that nobody's words are ever read as one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.flows.context import Run
from flowkeys.flows.graph.variables import Literal, compile_template
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import TALK, call, chain, node, run


def scope(question="Who?", **changes):
    """Return a run in which every kind of variable has a value."""

    async def emit(event):
        raise AssertionError

    made = Run(call(question, **changes), emit, variables={"name": "Ada"}, history_limit=50, state_limit=1000)
    made.state.update({"step": "two", "deep": {"list": [{"x": 1}]}})
    made.outputs["llmAgentflow_0"] = {"content": "forty-two", "usage": {"tokens": 7}}
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ question }}", "Who?"),
        ("{{question}}", "Who?"),
        ("{{ $question }}!", "Who?!"),
        ("{{ $form.city }}", "Rome"),
        ("{{ $form.tags }}", '["a","b"]'),
        ("{{ $form.tags[1] }}", "b"),
        ("{{ $form.yes }} {{ $form.n }}", "true 3"),
        ("{{ $flow.state.step }}", "two"),
        ("{{ $flow.state.deep.list[0].x }}", "1"),
        ("{{ $flow.sessionId }}/{{ $flow.chatId }}/{{ $flow.chatflowId }}", "session-1/chat-1/flow-1"),
        ("{{ $vars.name }}", "Ada"),
        ("{{ llmAgentflow_0 }}", "forty-two"),
        (r"{{ llmAgentflow\_0 }}", "forty-two"),
        ("{{ llmAgentflow_0.output.usage.tokens }}", "7"),
        ("{{ current_date_time }}", "2025-11-24T16:00:00.000Z"),
        ("{{ file_attachment }}", ""),
        ("plain, { braces } and }} {{", "plain, { braces } and }} {{"),
    ],
)
def test_each_variable_stands_for_its_value(text, expected):
    """All variables of Flowise's editor resolve, with any white space; objects and lists appear as JSON."""
    form = {"city": "Rome", "tags": ["a", "b"], "yes": True, "n": 3}
    assert compile_template(text).render(scope(form=form)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ nobody }}", "{{ $vars.none }}", "{{ $form.x }}", "{{ $flow.state.none }}", "{{ }}",
        "{{ output }}", "{{ x.output.content }}",
        "{{ $vars.__class__ }}", "{{ $flow.state.deep.list[9].x }}", "{{ $flow.state.deep.list.x }}",
    ],
)  # fmt: skip
def test_an_unknown_variable_is_left_as_it_is_written(text):
    """What stands for nothing stays in the text, as in Flowise."""
    assert compile_template(text).render(scope()) == text


def test_the_editors_html_becomes_text():
    """A prompt of Flowise's editor reads as its author saw it, and its mentions are variables."""
    html = (
        '<p>Translate:</p><p><span class="variable" data-type="mention" data-id="question"'
        ' data-label="question">{{ question }}</span> for <strong>a_b</strong> &amp; c</p>'
        "<ul><li>one</li></ul>"
    )
    assert compile_template(html).render(scope()) == "Translate:\n\nWho? for **a_b** & c\n\n* one"


def test_tags_inside_a_plain_prompt_are_kept():
    """Only what the editor wrote is converted: tags that an author uses to structure a prompt stay."""
    text = "<instruction><p>{{ question }}</p></instruction>"
    assert compile_template(text).render(scope()) == "<instruction><p>Who?</p></instruction>"


def test_tags_of_html_that_may_be_left_out_make_no_difference():
    """A prompt that somebody wrote by hand is read as a browser reads it."""
    assert compile_template("<ul><li>Red<li>Green</ul>").render(scope()) == "* Red\n* Green"
    assert compile_template("<p>One<p>Two").render(scope()) == "One\n\nTwo"


def test_html_that_is_nested_beyond_reason_is_left_as_it_is():
    """No prompt takes the engine down."""
    html = "<div>" * 5000
    assert compile_template(html).render(scope()) == html


async def test_the_conversation_is_a_variable():
    """`chat_history` is the earlier messages, loaded because the text asks for them."""
    data = chain(node("directReplyAgentflow_0", {"directReplyMessage": "{{ chat_history }}"}))
    ran = await run(data, call(history=TALK))
    assert ran.result.text == "Human: I am Ada.\nAssistant: Hello Ada."


@pytest.mark.parametrize(
    "question", ["{{ $vars.secret }}", "{{ question }}", "<p>{{ $vars.secret }}</p>", "{{"]
)
async def test_a_question_is_never_read_as_a_template(question):
    """What people send is put in as it is: no question reads the operator's variables."""
    reply = node("directReplyAgentflow_0", {"directReplyMessage": "{{ question }} {{ $flow.state.asked }}"})
    start = node("startAgentflow_0", {"startState": [{"key": "asked", "value": question}]})
    from tests.flows.support import edge, flow_data

    data = flow_data([start, reply], [edge("startAgentflow_0", "directReplyAgentflow_0")])
    ran = await run(data, call(question), settings=FlowSettings(variables={"secret": "s3cret"}))
    assert ran.result.text == f"{question} {question}"


def test_a_literal_is_no_template():
    """A text that came from a caller is used as it is."""
    assert compile_template(Literal("<p>{{ question }}</p>")).render(scope()) == "<p>{{ question }}</p>"


@settings(deadline=None)  # the first HTML loads a parser
@given(st.text())
def test_any_text_compiles_and_renders(text):
    """No text raises; one without braces and tags is itself."""
    rendered = compile_template(text).render(scope())
    if "{{" not in text and "<" not in text:
        assert rendered == text


@settings(deadline=None)  # the first HTML loads a parser
@given(st.text(), st.text(alphabet="ab {}", max_size=20))
def test_what_is_put_in_appears_as_it_was_given(question, around):
    """Whatever the question is, it appears unchanged where the template names it."""
    text = f"{around.replace('{', '').replace('}', '')}|{{{{ question }}}}|"
    assert compile_template(text).render(scope(question)).endswith(f"|{question}|")
