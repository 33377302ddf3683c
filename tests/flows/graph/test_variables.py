"""Variables in texts: what each stands for, and that nobody's words are ever read as one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkeys.flows.context import Run
from flowkeys.flows.graph.literals import Literal
from flowkeys.flows.graph.variables import compile_template
from flowkeys.flows.limits import Limits
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import TALK, call, chain, node, run


def scope(question="Who?", **changes):
    """Return a run in which every kind of variable has a value."""

    async def emit(event):
        raise AssertionError

    given, most = call(question, **changes), {"history_limit": 50, "state_limit": 1000}
    made = Run(given, emit, variables={"name": "Ada"}, limits=Limits(FlowSettings()), **most)
    made.state.update({"step": "two", "deep": {"list": [{"x": 1}]}})
    made.outputs["llmAgentflow_0"] = {"content": "forty-two", "usage": {"tokens": 7}}
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ question }}", "Who?"),
        ("{{question}}", "Who?"),
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
        "{{ nobody }}", "{{ $question }}", "{{ Question }}", "{{ $flow.input }}", "{{ $flow.question }}",
        "{{ $form }}", "{{ $vars }}", "{{ $vars.json.a }}", "{{ $vars.none }}", "{{ $form.x }}",
        "{{ $flow.state.none }}", "{{ }}",
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
    assert compile_template(html).render(scope()) == "Translate:\n\nWho? for **a_b** & c\n\n*   one"


def test_tags_inside_a_plain_prompt_are_kept():
    """Only what the editor wrote is converted: tags that an author uses to structure a prompt stay."""
    text = "<instruction><p>{{ question }}</p></instruction>"
    assert compile_template(text).render(scope()) == "<instruction><p>Who?</p></instruction>"


def test_tags_of_html_that_may_be_left_out_make_no_difference():
    """A prompt that somebody wrote by hand is read as a browser reads it."""
    assert compile_template("<ul><li>Red<li>Green</ul>").render(scope()) == "*   Red\n*   Green"
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


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h1>Rome</h1><h2>By day</h2><h3>Walks</h3>", "Rome\n====\n\nBy day\n------\n\n### Walks"),
        ("<p>first<br>second</p>", "first  \nsecond"),
        (
            "<ol start='4'><li>four</li><li>five<ul><li>in it</li></ul></li></ol>",
            "4.  four\n5.  five\n    *   in it",
        ),
        ("<ul><li><p>a</p></li><li><p>b</p></li></ul>", "*   a\n    \n*   b"),
        ("<pre><code>x = 1\n  y</code></pre>", "    x = 1\n      y"),
        ("<blockquote><p>one</p><p>two</p></blockquote>", "> one\n> \n> two"),
        ("<p>a</p><hr><p>b</p>", "a\n\n* * *\n\nb"),
        (
            "<p><b> bold </b>and<em>soft </em>too, <code>`tick`</code></p>",
            "**bold** and_soft_ too, `` `tick` ``",
        ),
        (
            '<p><a href="https://a.example/?x=1" title="T">there</a> <a>here</a></p>',
            '[there](https://a.example/?x=1 "T") here',
        ),
        ('<p><img src="a.png" alt="A"><img alt="none"></p>', "![A](a.png)"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a\n\nb"),
        ("<p>*as* _it_ [is](x) # 1.</p>", "*as* _it_ [is](x) # 1."),
        ("<p>much   \n  room</p><p> </p><p>end</p>", "much room\n\nend"),
        ("<p>x<u>y</u><script>z</script><!-- gone --></p>", "xyz"),
    ],
)
def test_html_becomes_the_markdown_that_flowise_makes_of_it(html, markdown):
    """Headings underlined, code indented, nothing escaped: what a prompt said there, it says here."""
    assert compile_template(html).render(scope()) == markdown


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ f_0.output.n }}", 3),
        ("{{ f_0.output.whole }}", 7.0),
        ("{{ f_0.output.yes }}", True),
        ("{{ f_0.output.none }}", None),
        ("{{ f_0.output.list }}", "[1,2]"),
        ("{{ f_0.output.missing }}", "{{ f_0.output.missing }}"),
        ("{{ f_0.output.n }} of {{ f_0.output.whole }}: {{ f_0.output.none }}", "3 of 7: null"),
        ("{{ f_0 }}", '{"a":1}'),
        ("{{ h_0 }}", '{"x":{"y":3}}'),
        ("{{ h_0.output.http.data.x.y }}", 3),
    ],
)
def test_a_reference_alone_keeps_the_type_of_a_member(text, value):
    """Numbers, truth values and null stay; in a text they are written as JavaScript does."""
    made = scope()
    made.outputs["f_0"] = {
        "n": 3,
        "whole": 7.0,
        "yes": True,
        "none": None,
        "list": [1, 2],
        "content": {"a": 1},
    }
    made.outputs["h_0"] = {"http": {"data": {"x": {"y": 3}}, "status": 200}}
    assert compile_template(text).value(made) == value


@pytest.mark.parametrize(
    ("text", "output", "value"),
    [
        ("{{ output }}", 5, "5"),
        ("{{ output }}", '{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("{{ output.a.b }}", '{"a": {"b": 1}}', 1),
        ("see {{ output.a }}", '{"a": {"b": 1}}', 'see {"b":1}'),
        ("{{ output.a.b }}", "no JSON", "{{ output.a.b }}"),
        ("{{ output.x }}", '{"a": 1}', "{{ output.x }}"),
    ],
)
def test_members_of_an_output_that_is_json_can_be_kept_in_the_state(text, output, value):
    """A node keeps a part of what it said, which stays as written where there is none."""
    assert compile_template(text).value(scope(), str(output)) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{{ question }}}", "Q}"),
        ("{{{{{{{{{question}}", "Q"),
        ("{{{ nobody }}}", "{{{ nobody }}}"),
        ("{" * 12 + "question}}", "{{{Q"),
        ("{" * 100_000 + " question", "{" * 100_000 + " question"),
    ],
)
def test_further_braces_before_a_variable_belong_to_it(text, expected):
    """As in Flowise; more than are worth looking for stay as they are written."""
    assert compile_template(text).render(scope("Q")) == expected
