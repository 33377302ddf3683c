"""`conditionAgentflow`: every operation of an export, and patterns that cannot hold up the server."""

import pytest

from flowkeys.flows.nodes import condition
from tests.flows.support import call, edge, flow_data, node, problems, run


def flow(*conditions):
    """A flow that says the number of the output it goes on from."""
    replies = [
        node(f"directReplyAgentflow_{n}", {"directReplyMessage": str(n)}) for n in range(len(conditions) + 1)
    ]
    return flow_data(
        [node("startAgentflow_0"), node("conditionAgentflow_0", {"conditions": list(conditions)}), *replies],
        [edge("startAgentflow_0", "conditionAgentflow_0")]
        + [edge("conditionAgentflow_0", f"directReplyAgentflow_{n}", n) for n in range(len(replies))],
    )


def rule(kind, operation, one, two=""):
    """One condition."""
    return {"type": kind, "operation": operation, "value1": one, "value2": two}


@pytest.mark.parametrize(
    ("kind", "operation", "one", "two", "holds"),
    [
        ("string", "equal", "a", "a", True),
        ("string", "equal", "a", "A", False),
        ("string", "equal", "<p>a</p>", " a ", True),
        ("string", "notEqual", "a", "b", True),
        ("string", "contains", "abc", "b", True),
        ("string", "notContains", "abc", "b", False),
        ("string", "startsWith", "abc", "ab", True),
        ("string", "endsWith", "abc", "bc", True),
        ("string", "isEmpty", "", "", True),
        ("string", "notEmpty", "", "", False),
        ("string", "regex", "order 1234", r"\d{4}$", True),
        ("string", "regex", "order 123", r"\d{4}$", False),
        ("string", "regex", "a", "(", False),
        ("number", "smaller", "2", "10", True),
        ("number", "smallerEqual", 2, 2, True),
        ("number", "larger", "10.5", "2", True),
        ("number", "largerEqual", "1", "2", False),
        ("number", "equal", "1.0", "1", True),
        ("number", "equal", "3 apples", "3", True),
        ("number", "equal", "none", "0", True),
        ("number", "notEqual", "1e400", "0", False),
        ("number", "isEmpty", "", "", True),
        ("boolean", "equal", True, "true", True),
        ("boolean", "notEqual", True, False, True),
    ],
)
async def test_each_operation(kind, operation, one, two, holds):
    """All operations of Flowise compare as there."""
    ran = await run(flow(rule(kind, operation, one, two)))
    assert ran.result.text == ("0" if holds else "1")


@pytest.mark.parametrize(("question", "output"), [("a", "0"), ("b", "1"), ("c", "2")])
async def test_the_first_condition_that_holds_decides_else_the_last_output(question, output):
    """One output goes on, and the entry shows which, without the values that were compared."""
    data = flow(*(rule("string", "equal", "{{ question }}", letter) for letter in "ab"))
    ran = await run(data, call(question))
    assert ran.result.text == output
    shown = ran.result.executed[1]["data"]["output"]["conditions"]
    assert [row["isFulfilled"] for row in shown] == [str(n) == output for n in range(3)]
    assert all("value2" not in row for row in shown)


async def test_a_pattern_that_takes_for_ever_is_ended(monkeypatch):
    """A pattern of one flow and a question of one caller do not stop the server: it is not found.

    Left alone it would outlast everybody here.
    """
    monkeypatch.setattr(condition, "REGEX_SECONDS", 0.3)
    ran = await run(flow(rule("string", "regex", "{{ question }}", "(a+)+$")), call("a" * 60 + "!"))
    assert ran.result.text == "1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (flow(), "it has no conditions"),
        (flow(rule("string", "sounds like", "a")), "the condition string sounds like is not supported"),
        (flow(rule("boolean", "larger", "a")), "the condition boolean larger is not supported"),
        (flow({"type": "date"}), "the condition date equal is not supported"),
    ],
)
def test_what_a_condition_cannot_do_is_a_problem(data, expected):
    """An operation that is not known is said, not taken as false."""
    assert expected in problems(data)


@pytest.mark.parametrize("output", [None, 2])
def test_a_connection_from_an_output_that_does_not_exist_is_a_problem(output):
    """A branch that could never be taken is a mistake in the flow."""
    nodes = [
        node("startAgentflow_0"),
        node("conditionAgentflow_0", {"conditions": [rule("string", "equal", "a", "b")]}),
        node("directReplyAgentflow_0"),
    ]
    edges = [
        edge("startAgentflow_0", "conditionAgentflow_0"),
        edge("conditionAgentflow_0", "directReplyAgentflow_0", output),
    ]
    assert "an output that it does not have" in problems(flow_data(nodes, edges))
