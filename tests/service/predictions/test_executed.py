"""What callers see of a run: decided by the chatflow's field, or by who calls."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.listing import MessageQuery
from flowkeys.domain.predictions.executed import FIELD
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.ports.flows import Emit, Event, FlowCall, FlowResult, Tokens
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.input import read_prediction
from flowkeys.service.predictions.run import Answer
from tests.service.predictions.test_trying import Place
from tests.service.support import House

TIMES = {"start": 1, "end": 3, "delta": 2}
ENTRY = {
    "nodeId": "llm_0",
    "nodeLabel": "LLM",
    "data": {
        "id": "llm_0",
        "name": "llmAgentflow",
        "input": {"messages": ["the owner's words"]},
        "output": {"content": "Hi", "timeMetadata": TIMES},
        "state": {"secret": 1},
        "chatHistory": ["the owner's words"],
    },
    "previousNodeIds": ["start_0"],
    "status": "FINISHED",
}
OUTLINE = {
    "nodeId": "llm_0",
    "nodeLabel": "LLM",
    "kind": "llmAgentflow",
    "status": "FINISHED",
    "previousNodeIds": ["start_0"],
    "timeMetadata": TIMES,
}
TOOL = {"tool": "search", "toolInput": {"q": "x"}, "toolOutput": "the owner's words"}
ACTION = {"id": "a", "mapping": {}, "data": {"nodeId": "n", "input": "the owner's words"}}
TOLD = {
    "full": {
        "agentFlowExecutedData": [ENTRY],
        "usedTools": [TOOL],
        "calledTools": [TOOL],
        "action": ACTION,
    },
    "outline": {
        "agentFlowExecutedData": [OUTLINE],
        "usedTools": [{"tool": "search"}],
        "calledTools": [{"tool": "search"}],
        "action": {"id": "a", "mapping": {}, "data": {"nodeId": "n"}},
    },
    "none": {"action": {"id": "a", "mapping": {}, "data": {"nodeId": "n"}}},
}


class Telling:
    """A flow that tells everything."""

    async def run(self, call: FlowCall, emit: Emit) -> FlowResult:
        """Tell it."""
        await emit(Tokens(["Hi"]))
        for name, data in TOLD["full"].items():
            await emit(Event(name, data))
        return FlowResult(text="Hi", executed=[ENTRY], used_tools=[TOOL])

    def run_at_once(self, call: FlowCall) -> FlowResult:
        """Do the same."""
        return FlowResult(text="Hi", executed=[ENTRY], used_tools=[TOOL])


class Told(Place):
    """A chatflow that tells everything."""

    async def ask(self, caller: str) -> tuple[dict[str, Any], list[Any], Answer, Answer]:
        """Return the events, the tokens, and what is answered whole: at once, and streamed."""
        access = await self.lookups.access(self.chatflow.id)
        permissions = frozenset({"executions:view"} if caller == "key that may" else ())
        record = (
            KeyRecord.of(key_id="k", workspace_id=self.workspace, name="k", permissions=permissions)
            if caller.startswith("key")
            else None
        )
        grant = Grant(access, record, "ada" if caller == "person" else None)
        events: dict[str, Any] = {}
        tokens: list[Any] = []

        async def take(event: Event | Tokens) -> None:
            if isinstance(event, Tokens):
                tokens.extend(event.pieces)
            else:
                events[event.name] = event.data

        run = await self.predictor.open(grant, read_prediction({"question": "?"}))
        streamed = await run.execute(take)
        begun = (await self.predictor.open(grant, read_prediction({"question": "?"}))).execute_at_once()
        assert begun is not None
        await begun[1]
        return events, tokens, streamed, begun[0]


@pytest.fixture
async def place(house: House, tmp_path: Path) -> Told:
    """The chatflow, of a type that shows its nodes."""
    made = await Told(house, tmp_path / "flowkeys.db").fill(house)
    made.engine.flow = Telling()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("field", "caller", "seen"),
    [
        (None, "key", "outline"),
        (None, "key that may", "full"),
        (None, "anyone", "none"),
        (None, "person", "full"),
        ("full", "anyone", "full"),
        ("full", "key", "full"),
        ("outline", "anyone", "outline"),
        ("outline", "key that may", "outline"),
        ("none", "key that may", "none"),
        ("none", "person", "none"),
    ],
)
async def test_a_caller_sees_what_the_chatflow_says_or_what_fits(
    place: Told, field: str | None, caller: str, seen: str
) -> None:
    """In events and answers alike; the words of the answer always. All of it is kept with the message."""
    await place.chatflows.update(place.operator, place.chatflow.id, ChatflowPatch(extras={FIELD: field}))
    events, tokens, streamed, at_once = await place.ask(caller)
    told = TOLD[seen]
    assert (events, tokens) == (told, ["Hi"])
    for answer in (streamed, at_once):
        assert answer.result.text == "Hi"
        assert answer.result.executed == told.get("agentFlowExecutedData", [])
        assert answer.result.used_tools == told.get("usedTools", [])
    query = MessageQuery(workspace_id=place.workspace, chatflow_id=place.chatflow.id)
    for message in (await place.chatflows.messages(place.operator, query)).items:
        if message.role == "apiMessage":
            assert message.details["agentFlowExecutedData"] == [ENTRY]
            assert message.details["usedTools"] == [TOOL]


@pytest.mark.parametrize("spoilt", ["everything", 1, ["full"], {"full": True}, ""])
async def test_what_nobody_could_have_written_shows_nothing(place: Told, spoilt: Any) -> None:
    """A row that was spoilt by hand."""
    chatflow = (await place.chatflows.get(place.operator, place.chatflow.id)).chatflow
    version = chatflow.version + 1
    changed = msgspec.structs.replace(chatflow, extras={FIELD: spoilt}, version=version)
    await place.store.write(lambda tx: tx.chatflows.update(changed))
    events, *_, answer = await place.ask("key that may")
    assert events == TOLD["none"]
    assert answer.result.executed == answer.result.used_tools == []
