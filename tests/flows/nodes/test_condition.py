"""`conditionAgentflow`: every operation of an export, and patterns that cannot hold up the server."""

import pytest

from flowkeys.domain.errors import InvalidInput
from flowkeys.flows.graph import regex
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
        ("string", "equal", "<p>a</p>", "a", True),
        ("string", "equal", "a", " a ", False),
        ("string", "equal", "**bold** text", "bold text", True),
        ("string", "startsWith", "# Head\n- one\n1. two", "Head\none\ntwo", True),
        ("string", "equal", "[a](http://x) `b` ~~c~~ _d_ <b>e</b>", "a b c d e", True),
        ("string", "equal", "2*3*4 = a_b_c", "234 = a_b_c", True),
        ("string", "larger", "abc", "5", False),
        ("string", "larger", "0x10", "15", True),
        ("string", "isEmpty", " ", "", False),
        ("string", "equal", "{{ $flow.state.none }}", "", False),
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
        ("number", "notEqual", "1e400", "0", True),
        ("number", "equal", "1,5", "1", True),
        ("number", "isEmpty", "", "", False),
        ("boolean", "equal", True, "true", False),
        ("boolean", "equal", False, False, True),
        ("boolean", "isEmpty", "", "", True),
        ("boolean", "notEqual", True, False, True),
    ],
)
async def test_each_operation(kind, operation, one, two, holds):
    """All operations of Flowise compare as there."""
    ran = await run(flow(rule(kind, operation, one, two)))
    assert ran.result.text == ("0" if holds else "1")


@pytest.mark.parametrize(("question", "output"), [("a", "0"), ("b", "1"), ("c", "2")])
async def test_the_first_condition_that_holds_decides_else_the_last_output(question, output):
    """One output goes on, and the entry shows which."""
    data = flow(*(rule("string", "equal", "{{ question }}", letter) for letter in "ab"))
    ran = await run(data, call(question))
    assert ran.result.text == output
    data = ran.result.executed[1]["data"]
    rows = [rule("string", "equal", question, letter) for letter in "ab"]
    assert data["input"] == {"conditions": {"0": rows[0], "1": rows[1]}}
    shown = [*rows, {**rule("string", "equal", ""), "isFulfilled": output == "2"}]
    if output != "2":
        shown[int(output)] = {**shown[int(output)], "isFulfilled": True}
    assert data["output"] == {"conditions": shown}


async def test_a_pattern_that_takes_for_ever_is_ended(monkeypatch):
    """A pattern of one flow and a question of one caller do not stop the server: it is not found.

    Left alone it would outlast everybody here.
    """
    monkeypatch.setattr(regex, "REGEX_SECONDS", 0.3)
    ran = await run(flow(rule("string", "regex", "{{ question }}", "(a+)+$")), call("a" * 60 + "!"))
    assert ran.result.text == "1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (flow(rule("string", "sounds like", "a")), "there is no operation 'sounds like'"),
        (flow({"type": "date"}), "there is no operation 'None'"),
        (flow(rule("number", "startsWith", "1", "1")), "startsWith compares texts alone"),
        (flow(rule("string", "equal", 5, "5")), "compares texts alone, and this is none"),
    ],
)
async def test_what_a_condition_cannot_do_is_said(data, expected):
    """It is not taken as false."""
    with pytest.raises(InvalidInput, match=expected):
        await run(data)


async def test_the_operation_may_be_a_variable_and_what_comes_before_decides():
    """A condition behind one that holds is not looked at; without conditions the last output is taken."""
    by_name = rule("string", "{{ question }}", "abc", "b")
    for asked, output in (("contains", "0"), ("equal", "1"), ("regex", "0")):
        assert (await run(flow(by_name), call(asked))).result.text == output
    assert (await run(flow(rule("string", "equal", "a", "a"), rule("x", "y", "z")))).result.text == "0"
    assert (await run(flow())).result.text == "0"


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
