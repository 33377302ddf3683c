"""No flowData holds a server up: what a check costs grows with its length, up to a limit."""

import re

import msgspec
import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.graph import limits, variables
from flowkeys.flows.graph.variables import compile_template
from tests.flows.graph.hostile import (
    BEFORE,
    HOSTILE,
    START,
    UNITS,
    bad,
    deep,
    form,
    many,
    odd,
    repeated,
    reply,
    rows,
)
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node, problems, run
from tests.support.effort import calls
from tests.support.sweeps import share

CALLS = 3_000_000
"""What a check may call at most: a second of work."""


@pytest.mark.parametrize("before", BEFORE)
def test_a_text_four_times_as_long_takes_four_times_the_steps(before):
    """Whatever is repeated, begun and never ended, the work grows with the length and not with its square."""
    compile_template("<p>load the parser</p>")
    for unit in share(UNITS, [*BEFORE].index(before), of=8):
        short, long = (repeated(before, unit, length) for length in (1500, 6000))
        once = calls(lambda text=short: compile_template(text))
        assert calls(lambda text=long: compile_template(text)) < 5 * once + 100, (before, unit)


@pytest.mark.parametrize("before", ["<p>", "<p", "<pre>"])
def test_what_the_parser_of_html_is_given_needs_no_second_look(before, monkeypatch):
    """It looks for the end of each tag, and of each white space: both are near, whatever was written."""
    given = []
    monkeypatch.setattr("justhtml.JustHTML", lambda text, **_: given.append(text))
    for unit in UNITS:
        compile_template(repeated(before, unit, 10_000))
        (text,) = given[-1:]
        ends = [text.find(">", match.start()) - match.start() for match in re.finditer("<", text)]
        assert min(ends, default=0) >= 0, (before, unit)
        assert sum(ends) <= len(text), (before, unit)
        assert max(map(len, re.findall(r"\s+", text)), default=0) <= 200, (before, unit)
    assert given


def test_markup_that_the_parser_gives_up_is_a_text():
    """Compiling a text never raises."""
    text = "<p>" + "<![" * 10
    assert compile_template(text).references == frozenset()


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_megabytes_of_anything_are_checked_in_few_steps(name):
    """In so many steps at most, about a second on a machine of today; and what is said of it is short."""
    data = HOSTILE[name]()
    assert len(data) < 10_000_000
    flow, made, checks = chatflow(data), engine(), []
    assert calls(lambda: checks.append(made.check(flow))) < CALLS
    (check,) = checks
    assert sum(map(len, check.problems)) < 20_000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (chain(reply("x" * (limits.TEXT_CHARACTERS + 1))), "a text is longer than 200,000 characters"),
        (chain(reply("{{" * (limits.REFERENCES + 1))), "more than 20,000 variables"),
        (chain(reply("<p>" + "x" * limits.HTML_CHARACTERS)), "in HTML is longer than 50,000 characters"),
        (many(lambda n: reply(f"<p>{n}" + "<b>" * 10_000, n), 3), "more than 20,000 tags"),
        (chain(rows(limits.ROWS + 1)(0)), "more than 10,000 entries"),
        (many(odd, 30), "There are 10 more problems."),
        (many(bad, 30), "conditionAgentflow_3 and 26 more: conditions is not a list of objects."),
        (flow_data([START], [edge("a", "b")] * 5_001), "The flow has more than 5000 edges."),
        (form([[]] * 300_000), "more than 300,000 brackets and braces"),
        (flow_data([node("startAgentflow_0" + "x" * 200)], []), "more than 200 characters"),
    ],
)
def test_what_is_too_much_is_a_problem_in_words(data, expected):
    """The author is told which limit it is, and in which node."""
    assert expected in problems(data)


@pytest.mark.parametrize("depth", [10, 100, 300, 600, 900, 5_000])
@pytest.mark.parametrize(
    "kind", ["startAgentflow", "llmAgentflow", "conditionAgentflow", "retrieverAgentflow", "pythonAgentflow"]
)
def test_inputs_nested_beyond_reason_raise_nothing(kind, depth):
    """A check answers, whatever is nested in which input."""
    names = [
        "formTitle",
        "formInputTypes",
        "startState",
        "llmMessages",
        "llmModelConfig",
        "conditions",
        "topK",
    ]
    for name in [*names, "retrieverKnowledgeDocumentStores", "pythonTarget", "llmUpdateState", "llmModel"]:
        for value in (
            deep(depth),
            msgspec.json.encode([{"key": "k", "value": deep(depth), "type": deep(depth)}]),
        ):
            inputs = {"startInputType": "formInput", name: msgspec.Raw(value)}
            engine().check(chatflow(chain(node(f"{kind}_0", inputs))))


async def test_the_longest_texts_that_are_allowed_run():
    """A limit is no trap: what is just below it works."""
    ran = await run(chain(reply("x" * limits.TEXT_CHARACTERS)))
    assert len(ran.result.text) == limits.TEXT_CHARACTERS


async def test_texts_that_repeat_each_other_do_not_grow_without_bound(monkeypatch):
    """A chain of replies, each with the one before it twice, fails instead of filling the memory."""
    monkeypatch.setattr(variables, "RENDERED_CHARACTERS", 10_000)

    def replies(count):
        texts = ["{{ question }}", *(f"{{{{ directReplyAgentflow_{n} }}}}" * 2 for n in range(count - 1))]
        nodes = [
            node(f"directReplyAgentflow_{n}", {"directReplyMessage": text}) for n, text in enumerate(texts)
        ]
        return chatflow(chain(*nodes))

    few = await run(replies(6), call("x" * 100))
    assert len(few.result.text) >= 3_200
    with pytest.raises(UpstreamFailed, match="10,000 characters"):
        await run(replies(40), call("x" * 100))
