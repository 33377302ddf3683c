"""`pythonAgentflow`: the operator's objects answer, and nothing else of Python can be reached."""

import sys

import pytest

from flowkeys.domain.errors import ConfigurationError, UpstreamFailed
from flowkeys.flows.drafts.templates import python_flow
from flowkeys.flows.settings import FlowSettings
from tests.flows import targets
from tests.flows.support import TALK, call, chatflow, engine, problems, run

HERE = "tests.flows.targets"


async def ask(name, question="Hi", **changes):
    """Run Start → Python with an object of `targets`."""
    target = f"{HERE}:{name}"
    return await run(
        python_flow(target), call(question, **changes), settings=FlowSettings(python_targets=(target,))
    )


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("shout", ["HI!"]),
        ("spell", ["H", "i"]),
        ("spell_async", ["H", "i"]),
        ("bot", ["bot: Hi"]),
        ("bot.method", ["method: Hi"]),
    ],
)
async def test_each_kind_of_callable_answers(name, tokens):
    """Functions, generators, objects with a call and methods answer, async or not; generators stream."""
    assert (await ask(name)).tokens == tokens


async def test_a_callable_is_given_what_it_takes():
    """The history and the session come by name; keywords without a name take both."""
    ran = await ask("polite", history=TALK)
    assert ran.result.text == "memory-1: [('user', 'I am Ada.'), ('assistant', 'Hello Ada.')] Hi"
    assert (await ask("remember", history=TALK)).result.text == "['history', 'session_id']"


async def test_what_is_not_async_runs_in_a_thread_of_its_own_pool():
    """A callable that blocks holds up neither the event loop nor the loop's own threads."""
    targets.THREADS.clear()
    await ask("shout")
    await ask("spell")
    assert all(name.startswith("flowkeys-python") for name in targets.THREADS)
    assert len(targets.THREADS) == 2


async def test_documents_and_tools_come_along():
    """A callable that returns an object can name its sources and tools."""
    ran = await ask("rich")
    assert ran.result.text == "Hi"
    assert ran.result.source_documents == [{"pageContent": "p", "metadata": {"source": "s"}}]
    assert ran.result.used_tools == [{"tool": "t", "at": "x"}]
    assert ran.names[-3:] == ["agentFlowEvent", "sourceDocuments", "usedTools"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fail", "Python 0: the Python object raised ValueError."),
        ("stop", "Python 0: the Python object raised RuntimeError."),
        ("number", "Python 0: the Python object returned int, which is no text."),
        ("NOT_CALLABLE", "Python 0: the Python object could not be imported (NotTextError)."),
        ("missing", "Python 0: the Python object could not be imported (AttributeError)."),
        ("endless", "Python 0: the answer is longer than 1,000,000 characters."),
    ],
)
async def test_a_callable_that_fails_is_named_by_its_kind_of_error_alone(name, message):
    """What went wrong is said by its type: the message of an exception can hold anything."""
    with pytest.raises(UpstreamFailed) as caught:
        await ask(name)
    assert str(caught.value) == message


def test_a_target_that_is_not_listed_is_a_problem():
    """A flow, imported or written, reaches only what the operator listed."""
    settings = FlowSettings(python_targets=(f"{HERE}:shout",))
    assert "'os:system' is not among those" in problems(python_flow("os:system"), settings)
    assert "is not among those" in problems(python_flow(f"{HERE}:shout.__globals__"), settings)
    assert "no Python target is named" in problems(python_flow(""), settings)


def test_checking_and_compiling_import_nothing():
    """Looking at a flow runs none of it; the first call does."""
    target = "tests.flows.never_imported:x"
    made = engine(FlowSettings(python_targets=(target,)))
    assert made.check(chatflow(python_flow(target))).runnable
    made.compile(chatflow(python_flow(target)))
    assert "tests.flows.never_imported" not in sys.modules


async def test_a_module_that_cannot_be_imported_is_an_upstream_failure():
    """The flow is runnable, its object is not there: 502, by the type of the error."""
    target = "tests.flows.never_imported:x"
    with pytest.raises(UpstreamFailed, match=r"could not be imported \(ModuleNotFoundError\)"):
        await run(python_flow(target), settings=FlowSettings(python_targets=(target,)))


@pytest.mark.parametrize("target", ["", "os", "os:", ":system", "os:system()", "a b:c", "../x:y"])
def test_a_target_that_is_no_module_and_attribute_is_refused_at_the_start(target):
    """The operator is told at once, not at the first call."""
    with pytest.raises(ConfigurationError, match="module:attribute"):
        engine(FlowSettings(python_targets=(target,)))
