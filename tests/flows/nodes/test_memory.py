"""What a model is given of what was said: summaries, and what each node of a run says."""

from flowkeys.flows.settings import FlowSettings
from tests.flows.support import TALK, call, chain, node, run


def llm(model, number=0, **inputs):
    """An LLM node for the server of the test."""
    config = {"modelName": "echo", "basepath": model.url}
    return node(
        f"llmAgentflow_{number}",
        {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": True, **inputs},
        f"LLM {number}",
    )


def listed(model):
    """Settings that allow the server of the test."""
    return FlowSettings(allowed_endpoints=(model.url,))


def said(model, number):
    """The messages of a request."""
    return [(m["role"], m["content"]) for m in model.received[number].body["messages"]]


async def test_a_summary_stands_for_all_that_was_said_the_question_too(model):
    """The model makes it itself, in a call of its own, of which nothing is heard."""
    asked = llm(model, llmMemoryType="conversationSummary")
    ran = await run(chain(asked), call("cats", history=TALK), settings=listed(model))
    (role, task), *others = said(model, 0)
    assert (role, others) == ("user", [])
    assert task.endswith("user: I am Ada.\nassistant: Hello Ada.\nuser: cats\n\nNew summary:")
    assert model.received[0].body["stream"] is False
    assert said(model, 1) == [("assistant", task)]
    assert len(ran.result.executed[-1]["data"]["input"]["messages"]) == 1


async def test_only_what_does_not_fit_is_summed_up(model):
    """The oldest go, and the rest follows the summary."""
    asked = llm(model, llmMemoryType="conversationSummaryBuffer", llmMemoryMaxTokenLimit="10")
    await run(chain(asked), call("cats", history=TALK), settings=listed(model))
    assert said(model, 0)[0][1].endswith("\nuser: I am Ada.\n\nNew summary:")
    (role, summary), *rest = said(model, 1)
    assert role == "system"
    assert summary.startswith("Previous conversation summary: ")
    assert rest == [("assistant", "Hello Ada."), ("user", "cats")]


async def test_what_fits_is_not_summed_up(model):
    """One call, as without a limit."""
    asked = llm(model, llmMemoryType="conversationSummaryBuffer", llmMemoryMaxTokenLimit="2000")
    await run(chain(asked), call("cats", history=TALK), settings=listed(model))
    assert len(model.received) == 1
    assert said(model, 0)[-1] == ("user", "cats")


async def test_models_of_a_run_hear_each_other_by_name(model):
    """Answers are a user's words unless the node says otherwise; the question is said once."""
    ran = await run(chain(llm(model), llm(model, 1)), call("hi", history=[]), settings=listed(model))
    assert model.received[1].body["messages"] == [
        {"role": "user", "content": "hi"}, {"role": "user", "content": "hi", "name": "llm_0"},
    ]  # fmt: skip
    assert ran.result.executed[-1]["data"]["chatHistory"] == [
        {"role": "user", "content": "hi", "name": "llm_1"}
    ]


async def test_what_the_caller_sends_as_the_conversation_comes_before_what_the_node_says(model):
    """With memory or without; a second model of the run is not told it again."""
    own = [
        {"role": "user", "content": "own"},
        {"role": "system", "content": "S1"},
        {"role": "system", "content": "S2"},
    ]
    first = llm(model, llmEnableMemory=False, llmMessages=own)
    second = llm(model, 1)
    given = call("hi", history=list(TALK), sent_history=list(TALK))
    await run(chain(first, second), given, settings=listed(model))
    assert said(model, 0) == [
        ("system", "S2"), ("system", "S1"),
        ("user", "I am Ada."), ("assistant", "Hello Ada."), ("user", "own"),
    ]  # fmt: skip
    assert [content for _, content in said(model, 1)] == ["own", "own"]


async def test_a_developer_speaks_as_the_system_where_it_stands(model):
    """As Flowise sends it: shown as written."""
    own = [{"role": "user", "content": "a"}, {"role": "developer", "content": "b"}]
    ran = await run(
        chain(llm(model, llmEnableMemory=False, llmMessages=own)), call("q"), settings=listed(model)
    )
    assert said(model, 0) == [("user", "a"), ("system", "b")]
    assert ran.result.executed[-1]["data"]["input"]["messages"][1]["role"] == "developer"
