"""`conditionAgentAgentflow`: which scenario a model's words mean, and what it is asked."""

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.nodes.condition_agent import closest, scenario_of
from flowkeys.flows.settings import FlowSettings
from tests.flows.support import call, edge, flow_data, node, problems, run

SCENARIOS = ["Asks about AI", "Asks about the weather", "Other"]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ('{"output": "AI"}', "AI"),
        ('Sure!\n```json\n{"output": "AI"}\n```\nDone.', "AI"),
        ('It is {"output": "AI"}, {"output": "no"}.', "AI"),
        ('{"output": ""}', None),
        ('{"output": 5}', None),
        ('{"other": "AI"}', None),
        ("AI", None),
        ("{broken", None),
    ],
)
def test_the_first_object_of_an_answer_counts(answer, name):
    """Fenced or not; without a name there is none."""
    assert scenario_of(answer) == name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Asks about AI", 0),
        ("asks about the WEATHER ", 1),
        ("asks about", 0),
        ("weather", 1),
        ("it asks about ai, I think", 0),
        ("something else", 2),
    ],
)
def test_a_scenario_is_found_however_it_is_written(name, number):
    """Equal, then beginning so, then holding it, either way; else the last."""
    assert closest(SCENARIOS, name) == number


def flow(model, **inputs):
    """A model that echoes its instruction, and three replies."""
    config = {"modelName": "echo", "basepath": model.url}
    agent = {
        "conditionAgentModel": "chatOpenAI",
        "conditionAgentModelConfig": config,
        "conditionAgentInput": "{{ question }}",
        "conditionAgentInstructions": "Choose.",
        "conditionAgentScenarios": [{"scenario": scenario} for scenario in SCENARIOS],
        **inputs,
    }
    replies = [node(f"directReplyAgentflow_{n}", {"directReplyMessage": str(n)}) for n in range(3)]
    return flow_data(
        [node("startAgentflow_0"), node("conditionAgentAgentflow_0", agent, "Which"), *replies],
        [edge("startAgentflow_0", "conditionAgentAgentflow_0")]
        + [edge("conditionAgentAgentflow_0", f"directReplyAgentflow_{n}", n) for n in range(3)],
    )


async def test_the_run_goes_on_from_the_output_of_the_scenario(model):
    """What is asked is Flowise's text, input and instruction unquoted; the entry says which was chosen."""
    settings = FlowSettings(allowed_endpoints=(model.url,))
    given = call('{"output": "weather"}', history=[])
    ran = await run(flow(model), given, settings=settings)
    assert ran.result.text == "1"
    sent = model.received[0].body["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "user"]
    assert sent[-1]["content"] == (
        '{"input": {"output": "weather"}, "scenarios": ["Asks about AI","Asks about the weather","Other"],'
        ' "instruction": Choose.}'
    )
    entry = ran.result.executed[1]["data"]
    assert [c["isFulfilled"] for c in entry["output"]["conditions"]] == [False, True, False]
    assert entry["input"]["messages"][0]["content"].startswith("### Input\n")
    assert entry["chatHistory"] == [{"role": "user", "content": '{"output": "weather"}'}]


async def test_an_answer_without_a_scenario_is_a_failure(model):
    """It names the node."""
    settings = FlowSettings(allowed_endpoints=(model.url,))
    with pytest.raises(UpstreamFailed, match="Which: the model's answer names none of the scenarios"):
        await run(flow(model), call("no JSON", history=[]), settings=settings)


async def test_scenarios_are_needed(model):
    """A node without any is said to have none."""
    settings = FlowSettings(allowed_endpoints=(model.url,))
    assert "Which: it has no scenarios." in problems(flow(model, conditionAgentScenarios=""), settings)
