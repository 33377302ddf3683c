"""`executeFlowAgentflow`: another chatflow is asked, in the same run."""

import msgspec
import pytest

from flowkeys.domain.errors import RunLimitExceeded, UpstreamFailed
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.flows import InnerAnswer, InnerCall
from tests.flows.support import call, chain, chatflow, engine, node, problems, run


class Others:
    """Chatflows by their ids, run for nodes as a server does it; whom they open for is not asked."""

    def __init__(self, **flows):
        self.asked: list[InnerCall] = []
        self._engine = engine()
        self._flows = {name: chatflow(data, id=name) for name, data in flows.items()}

    async def __call__(self, asked: InnerCall) -> InnerAnswer:
        """Keep the promise of the port."""
        self.asked.append(asked)
        given = call(
            asked.question,
            chatflow_id=asked.chatflow_id,
            overrides=asked.overrides,
            inner=self,
            limits=asked.limits,
            depth=asked.depth,
            streamed=False,
        )

        async def ignore(event):
            """Take it."""

        result = await self._engine.compile(self._flows[asked.chatflow_id]).run(given, ignore)
        return InnerAnswer(content=result.text)


def _reply(text):
    return node("directReplyAgentflow_0", {"directReplyMessage": text})


def _ask(flow="other", said="{{ question }}", number=0, **inputs):
    given = {"executeFlowSelectedFlow": flow, "executeFlowInput": said, **inputs}
    return node(f"executeFlowAgentflow_{number}", given, f"Execute Flow {number}")


async def test_another_chatflow_is_asked_and_its_answer_said():
    """It is the node's content, a token where nothing follows, and a turn of the run's conversation."""
    others = Others(other=chain(_reply("got {{ question }}")))
    ran = await run(chain(_ask(said="<p>in {{ question }}</p>")), call("Q", inner=others))
    assert (ran.result.text, ran.tokens) == ("got in Q", ["got in Q"])
    data = ran.result.executed[-1]["data"]
    asked = {"role": "user", "content": "in Q"}
    assert (data["input"], data["output"]) == ({"messages": [asked]}, {"content": "got in Q"})
    assert data["chatHistory"] == [asked, {"role": "user", "content": "got in Q", "name": "execute_flow_0"}]


async def test_the_first_question_of_a_run_alone_is_a_turn_and_answers_may_be_an_assistants():
    """As with models; what it says may change the state."""
    others = Others(other=chain(_reply("got {{ question }}")))
    update = [{"key": "k", "value": "[{{ output }}]"}]
    second = _ask(
        said="{{ executeFlowAgentflow_0 }}!",
        number=1,
        executeFlowReturnResponseAs="assistantMessage",
        executeFlowUpdateState=update,
    )
    ran = await run(chain(_ask(), second), call("Q", inner=others))
    data = ran.result.executed[-1]["data"]
    said = {"role": "assistant", "content": "got got Q!", "name": "execute_flow_1"}
    assert (data["chatHistory"], data["state"]) == ([said], {"k": "[got got Q!]"})


async def test_an_answer_that_is_no_text_stays_what_it_is():
    """A number is a number."""

    async def five(_: InnerCall) -> InnerAnswer:
        return InnerAnswer(content=5)

    ran = await run(chain(_ask(), _reply("[{{ executeFlowAgentflow_0 }}]")), call(inner=five))
    assert ran.result.executed[1]["data"]["output"] == {"content": 5}
    assert ran.result.text == "[5]"


OVERRIDES = (
    {"a": "[{{ question }}]", "n": 1},
    '{"a": "[{{ question }}]", "n": 1}',
    "{a: '[{{ question }}]', n: 1,}",
)


@pytest.mark.parametrize("given", OVERRIDES, ids=("object", "JSON", "JSON5"))
async def test_what_a_user_says_is_never_a_part_of_the_override_configs_json(given):
    """JSON is read before variables are put into it."""
    others = Others(other=chain(_reply("x")))
    question = '", "sessionId": "another'
    await run(chain(_ask(executeFlowOverrideConfig=given)), call(question, inner=others))
    assert others.asked[0].overrides == {"a": f"[{question}]", "n": 1}


async def test_an_override_config_may_become_json_when_variables_are_put_in():
    """A node that says JSON may say all of it."""
    others = Others(other=chain(_reply("x")))
    said = '{"temperature": 0.5}'
    config = "{{ directReplyAgentflow_0 }}"
    await run(chain(_reply(said), _ask(executeFlowOverrideConfig=config)), call(inner=others))
    assert others.asked[0].overrides == {"temperature": 0.5}


@pytest.mark.parametrize(("config", "said"), [('{"a": oops oops}', "is no JSON"), ("[1]", "no JSON object")])
async def test_an_override_config_that_is_none_fails_the_node(config, said):
    """As in Flowise; a list is none either."""
    with pytest.raises(UpstreamFailed, match=said):
        await run(chain(_ask(executeFlowOverrideConfig=config)), call(inner=Others()))


async def test_a_chatflow_does_not_call_itself():
    """The node fails, before anything is asked."""
    others = Others()
    with pytest.raises(UpstreamFailed, match="cannot call itself"):
        await run(chain(_ask("flow-1")), call(inner=others))
    assert not others.asked


async def test_chatflows_that_call_each_other_end_at_the_depth_that_is_allowed():
    """All of them: it is one run."""
    others = Others(one=chain(_ask("two")), two=chain(_ask("one")))
    with pytest.raises(RunLimitExceeded, match="more deeply than this server allows"):
        await run(chain(_ask("one")), call(inner=others))
    assert len(others.asked) == FlowSettings().run_depth


async def test_the_steps_of_all_runs_are_counted_together():
    """Each call of the other takes two steps, the outer run two and one for each further call."""
    others = Others(other=chain(_reply("x")))
    data = chain(*(_ask(number=number) for number in range(3)))
    await run(data, call(inner=others), settings=FlowSettings(run_steps=10))
    with pytest.raises(RunLimitExceeded, match="9 steps"):
        await run(data, call(inner=others), settings=FlowSettings(run_steps=9))


def test_what_a_node_lacks_is_named():
    """Before anything runs; a credential is none that this server does not have."""
    assert "no chatflow is chosen" in problems(chain(_ask("")))
    said = problems(chain(_ask(credential="nosuch")))
    assert "this server has no credential named 'nosuch'" in said


async def test_callers_do_not_choose_which_chatflow_is_called():
    """Not even where the owner enabled it: a credential may open more than one."""
    config = {
        "status": True,
        "nodes": {"Execute Flow 0": [{"name": "executeFlowSelectedFlow", "enabled": True}]},
    }
    flow = chatflow(chain(_ask()), api_config=msgspec.json.encode({"overrideConfig": config}).decode())
    others = Others(other=chain(_reply("the owner's")), another=chain(_reply("another")))
    sent = {"executeFlowSelectedFlow": "another"}
    assert (await run(flow, call(inner=others, overrides=sent))).result.text == "the owner's"


def test_a_key_is_not_in_what_is_printed_of_a_call():
    """Errors and logs may hold it."""
    asked = InnerCall(chatflow_id="x", question="", token="secret", limits=None, depth=1)
    assert "secret" not in repr(asked)
