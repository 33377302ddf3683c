"""`loopAgentflow` and `toolAgentflow`: led back so often, and one tool called."""

import pytest

from flowkeys.domain.errors import RunLimitExceeded
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import call, chain, node, problems, run


def _reply(text, number=0):
    return node(f"directReplyAgentflow_{number}", {"directReplyMessage": text}, f"Reply {number}")


def _loop(times="", fallback="", to="directReplyAgentflow_0-Reply 0", **more):
    inputs = {"loopBackToNode": to, "maxLoopCount": times, "fallbackMessage": fallback, **more}
    return node("loopAgentflow_0", inputs, "Loop 0")


@pytest.mark.parametrize(("times", "rounds"), [("", 5), ("1", 1), ("3", 3), (2, 2)])
async def test_a_loop_runs_as_often_as_it_may(times, rounds):
    """Then it says so; what is led back to knows how often that was."""
    ran = await run(chain(_reply("round {{ loop_count }}"), _loop(times)), call())
    said = [entry["data"]["output"]["content"] for entry in ran.result.executed[1::2]]
    assert said == [f"round {number}" for number in range(rounds)]
    end = f"Loop completed after reaching maximum iteration count of {rounds}."
    assert (ran.result.text, ran.tokens) == (end, [end])


async def test_a_fallback_is_said_in_its_stead():
    """With variables put in."""
    ran = await run(chain(_reply("x"), _loop("2", "gave up on {{ question }}")), call("Q"))
    assert (ran.result.text, ran.tokens) == ("gave up on Q", ["gave up on Q"])


async def test_a_loop_to_nowhere_ends_the_run():
    """As Flowise does."""
    ran = await run(chain(_reply("x"), _loop("3", to="nosuch_0-Nosuch")), call())
    assert ran.result.text == "Loop back to Nosuch (nosuch_0)"


async def test_a_loop_is_kept_within_the_steps_of_a_run():
    """However often it may lead back."""
    with pytest.raises(RunLimitExceeded):
        await run(chain(_reply("x"), _loop("999999")), call(), settings=FlowSettings(run_steps=20))


@pytest.mark.parametrize("times", ["0", "-1", "many", "1e3", "9999999999"])
def test_a_count_that_is_none_is_named(times):
    """Before anything runs."""
    assert "maxLoopCount has to be a number" in problems(chain(_reply("x"), _loop(times)))


def _tool(chosen="calculator", **inputs):
    given = {"toolAgentflowSelectedTool": chosen, "toolAgentflowSelectedToolConfig": {}, **inputs}
    return node("toolAgentflow_0", given, "Tool 0")


async def test_a_tool_is_called_with_the_flows_arguments():
    """What it says is the node's content."""
    arguments = [{"inputArgName": "input", "inputArgValue": "{{ question }}"}]
    ran = await run(chain(_tool(toolInputArgs=arguments)), call("2+3*4"))
    assert (ran.result.text, ran.tokens) == ("14", ["14"])
    assert ran.result.executed[-1]["data"]["input"]["toolInputArgs"][0]["inputArgValue"] == "2+3*4"


@pytest.mark.parametrize(
    ("chosen", "said"), [("", "no tool is chosen"), ("nosuchTool", "this server has no tool 'nosuchTool'")]
)
def test_a_tool_that_is_none_is_named(chosen, said):
    """Before anything runs."""
    assert said in problems(chain(_tool(chosen)))
