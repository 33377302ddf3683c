"""What somebody could put into a flow to hold a server up; `bench` times what the tests count."""

import msgspec

from tests.flows.support import chain, edge, flow_data, node

START = node("startAgentflow_0", {"startInputType": "chatInput"})

UNITS = [
    "{{", "{{ ", "}}", "{{a", "{{a}", "{", "{{a}}", "{{a.output.", "\\_", "{{ $form.[1]", "{{\n",
    "<", "<a ", "<!--", "<!-- -", "<![CDATA[", "<!", "</", "<?", "&", "&#", "&#9;",
    '<a b="', "<a b='> ", "<b>a</b>",
    "<b>", "<br>", "<ul><li>", "<blockquote>", "<pre>", "`", " ", " \n", "\n", "<script>", "<textarea>",
    "<td>",
    "<a b=c ", "<a b=c/>", "-->", "<p a a", "* ", "\u00a0",
]  # fmt: skip

BEFORE = ["", "<p>", "<p", "<pre>", "{{"]
"""What such a text may begin with."""


def repeated(before, unit, length):
    """A text of so many characters in which something is begun over and over."""
    return (before + unit * length)[:length]


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


def bad(number):
    """A Condition without conditions that could be read."""
    return node(f"conditionAgentflow_{number}", {"conditions": 1})


def odd(number):
    """An LLM whose model nobody has."""
    return node(f"llmAgentflow_{number}", {"llmModel": f"chatOf{number}"})


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
