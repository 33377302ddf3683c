"""No flowData holds a server up: what a check costs grows with its length, up to a limit."""

import time

import msgspec
import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows import limits, variables
from flowkeys.flows.variables import compile_template
from tests.flows.support import call, chain, chatflow, edge, engine, flow_data, node, problems, run

START = node("startAgentflow_0", {"startInputType": "chatInput"})

UNITS = [
    "{{", "{{ ", "}}", "{{a", "{{a}", "{", "{{a}}", "{{a.output.", "\\_", "{{ $form.[1]", "{{\n",
    "<", "<a ", "<!--", "<!-- -", "<![CDATA[", "<!", "</", "<?", "&", "&#", "&#9;",
    '<a b="', "<a b='> ", "<b>a</b>",
    "<b>", "<br>", "<ul><li>", "<blockquote>", "<pre>", "`", " ", " \n", "\n", "<script>", "<textarea>",
    "<td>",
    "<a b=c ", "<a b=c/>", "-->", "<p a a", "* ", "\u00a0",
]  # fmt: skip


def seconds(work):
    """The shortest of some times that a piece of work takes."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


@pytest.mark.parametrize("before", ["", "<p>", "<p", "<pre>", "{{"])
@pytest.mark.parametrize("unit", UNITS)
def test_a_text_four_times_as_long_takes_about_four_times_as_long(unit, before):
    """Whatever is repeated, begun and never ended, the work grows with the length and not with its square."""
    compile_template("<p>load the parser</p>")
    short, long = ((before + unit * length)[:length] for length in (10_000, 40_000))
    once = seconds(lambda: compile_template(short))
    assert seconds(lambda: compile_template(long)) < 9 * once + 0.05


def test_markup_that_the_parser_gives_up_is_a_text():
    """Compiling a text never raises."""
    text = "<p>" + "<![" * 10
    assert compile_template(text).references == frozenset()


def reply(message, number=0, **more):
    """A Direct Reply."""
    return node(f"directReplyAgentflow_{number}", {"directReplyMessage": message}, **more)


def many(make, count=480):
    """Start, and nodes after it."""
    nodes = [make(number) for number in range(count)]
    return flow_data([START, *nodes], [edge(START["id"], made["id"]) for made in nodes])


def rows(count):
    """A Condition with many rows in it."""
    return lambda number: node(f"conditionAgentflow_{number}", {"conditions": [{"type": "x"}] * count})


def deep(depth):
    """Lists in lists."""
    return msgspec.Raw(b"[" * depth + b"]" * depth)


def form(value):
    """A Start with a form."""
    inputs = {"startInputType": "formInput", "formTitle": value, "formInputTypes": []}
    return flow_data([node("startAgentflow_0", inputs)], [])


def asks(config):
    """A model with these settings."""
    return chain(
        node("llmAgentflow_0", {"llmModel": "chatOpenAI", "llmModelConfig": {"modelName": "m"} | config})
    )


HOSTILE = {
    "unclosed braces": lambda: chain(reply("{{" * 4_900_000)),
    "unclosed braces in many nodes": lambda: many(lambda n: reply(f"{n}" + "{{" * 9_900, n)),
    "variables": lambda: many(lambda n: reply(f"{n}" + "{{a}}" * 4_000, n)),
    "one text of HTML": lambda: chain(reply("<p>" + "<b>a</b>" * 1_200_000)),
    "texts of HTML": lambda: many(lambda n: reply(f"<p>{n}" + "<b>a</b>" * 2_500, n)),
    "texts of plain HTML": lambda: many(lambda n: reply(f"<p>{n}" + "a & b " * 3_300, n)),
    "rows": lambda: many(rows(1_500)),
    "rows in a text": lambda: chain(
        node("conditionAgentflow_0", {"conditions": "[" + "{}," * 3_200_000 + "{}]"})
    ),
    "a long label and many problems": lambda: flow_data(
        [START, {**rows(300_000)(0), "data": {**rows(300_000)(0)["data"], "label": "x" * 3_000_000}}],
        [edge("startAgentflow_0", "conditionAgentflow_0")],
    ),
    "nodes": lambda: flow_data([{"id": "", "data": {"name": ""}}] * 300_000, []),
    "kinds": lambda: flow_data([{"id": "", "data": {"name": str(n)}} for n in range(250_000)], []),
    "edges": lambda: flow_data([START], [{"source": "a", "target": "b"}] * 340_000),
    "an id": lambda: flow_data([node("startAgentflow_0" + "x" * 3_000_000)], []),
    "numbers": lambda: form(list(range(1_200_000))),
    "lists": lambda: form([[]] * 3_300_000),
    "digits": lambda: chain(node("retrieverAgentflow_0", {"topK": "9" * 9_000_000})),
    "window": lambda: chain(
        node("llmAgentflow_0", {"llmMemoryType": "windowSize", "llmMemoryWindowSize": "9" * 9_000_000})
    ),
    "model number": lambda: asks({"temperature": "9" * 9_000_000}),
    "a base URL": lambda: asks({"basepath": "http://" + "a." * 4_900_000}),
    "a stop sequence": lambda: asks({"stopSequence": "a," * 4_900_000}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_megabytes_of_anything_are_checked_quickly(name):
    """About a second at most on the machine that this was written on; and what is said of it is short."""
    data = HOSTILE[name]()
    assert len(data) < 10_000_000
    began = time.perf_counter()
    check = engine().check(chatflow(data))
    took = time.perf_counter() - began
    assert took < 4
    assert sum(map(len, check.problems)) < 20_000


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (chain(reply("x" * (limits.TEXT_CHARACTERS + 1))), "a text is longer than 200,000 characters"),
        (chain(reply("{{" * (limits.REFERENCES + 1))), "more than 20,000 variables"),
        (chain(reply("<p>" + "x" * limits.HTML_CHARACTERS)), "in HTML is longer than 50,000 characters"),
        (many(lambda n: reply(f"<p>{n}" + "<b>" * 10_000, n), 3), "more than 20,000 tags"),
        (chain(rows(limits.ROWS + 1)(0)), "more than 10,000 entries"),
        (many(rows(10), 3), "There are 10 more problems."),
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
