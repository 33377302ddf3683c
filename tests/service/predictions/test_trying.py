"""A signed-in person tries a chatflow: who may, and whose conversation it is."""

from pathlib import Path

import pytest

from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.domain.chatflows.chatflow import Chatflow, FlowCheck
from flowkeys.domain.errors import Forbidden, NotFound
from flowkeys.domain.keys.decision import AccessRequest, Denied, Reason
from flowkeys.domain.listing import ConversationQuery, MessageQuery
from flowkeys.domain.people.person import Person, Role
from flowkeys.domain.predictions.conversation import Conversation
from flowkeys.domain.principal import Caller, Principal, operator
from flowkeys.service.chatflows.chatflows import ChatflowService
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.ports.flows import Emit, Event, FlowCall, FlowResult
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.input import read_prediction
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.waiting import WaitingRuns
from flowkeys.storage.sqlite.database import chatflow_loader
from flowkeys.storage.sqlite.feed import SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups
from tests.service.support import BEGIN, House

SESSION = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


class Recalling:
    """A flow that answers with all that it was told before in the same conversation."""

    def __init__(self) -> None:
        self.memories: list[str] = []

    async def run(self, call: FlowCall, emit: Emit) -> FlowResult:
        """Answer with the earlier questions."""
        self.memories.append(call.memory_id())
        earlier = [turn.content for turn in await call.history()][::2]
        await emit(Event("token", "…"))
        return FlowResult(text=", ".join(earlier))


class Engine:
    """Runs every chatflow as the same flow."""

    def __init__(self) -> None:
        self.flow = Recalling()

    def check(self, chatflow: Chatflow) -> FlowCheck:
        """Say that it can run."""
        return FlowCheck(runnable=True)

    def collections(self, chatflow: Chatflow) -> frozenset[str]:
        """Name no collection."""
        return frozenset()

    def called(self, chatflow: Chatflow) -> frozenset[str]:
        """Call no other chatflow."""
        return frozenset()

    def compile(self, chatflow: Chatflow) -> Recalling:
        """Return the flow."""
        return self.flow


class Nobody:
    """Verifies no key."""

    async def verify(self, credential: object, request: AccessRequest) -> Denied:
        """Refuse."""
        return Denied(Reason.UNKNOWN_KEY)


async def ignore(event: Event) -> None:
    """Take an event."""


class Place:
    """Chatflows and their predictor over one database, with a chatflow in it."""

    def __init__(self, house: House, path: Path) -> None:
        self.store = house.store
        self.engine = Engine()
        lookups = SqliteLookups(path, 1)
        self.close = lookups.close
        load = chatflow_loader(lookups.connection)
        self.lookups = ChatflowCache(lookups, SqliteFeed(lookups.connection), load, lambda: BEGIN)
        self.chatflows = ChatflowService(house.store, self.engine, lambda: BEGIN)
        self.predictor = Predictor(
            house.store,
            self.lookups,
            Nobody(),
            self.engine,
            lambda: BEGIN,
            WaitingRuns(house.store, lambda: BEGIN, 7),
        )

    async def fill(self, house: House) -> "Place":
        """Add the chatflow and two people."""
        self.workspace = (await house.workspaces.default()).id
        self.operator = Caller(operator(self.workspace))
        made = await self.chatflows.create(self.operator, ChatflowPatch(name="Docs"))
        self.chatflow = made.chatflow
        for name in ("Ada", "Bob"):
            person = Person(
                id=name.lower(),
                workspace_id=self.workspace,
                email=f"{name}@example.org",
                name=name,
                role=Role.MEMBER,
                permissions=frozenset(),
                created_at=0,
                updated_at=0,
                version=1,
            )
            await house.store.write(lambda tx, who=person: tx.people.insert(who, "hash"))
        return self

    def person(self, name: str, *permissions: str, workspace: str | None = None) -> Caller:
        """Return a signed-in person as a caller."""
        held = frozenset(permissions or ("chatflows:update", "chatflows:view"))
        return Caller(Principal("person", name.lower(), name, workspace or self.workspace, held))

    async def ask(self, grant: Grant, question: str) -> str:
        """Run the chatflow in the one session that everybody here names."""
        run = await self.predictor.open(grant, read_prediction({"question": question, "sessionId": SESSION}))
        return (await run.execute(ignore)).result.text

    async def try_(self, name: str, question: str) -> str:
        """Ask as a person does in the page."""
        grant = await self.predictor.authorize_person(self.person(name), self.chatflow.id)
        return await self.ask(grant, question)

    async def said(self) -> list[Conversation]:
        """Return the chatflow's conversations."""
        query = ConversationQuery(workspace_id=self.workspace, chatflow_id=self.chatflow.id)
        return (await self.chatflows.conversations(self.operator, query)).items


@pytest.fixture
async def place(house: House, tmp_path: Path) -> Place:
    """A chatflow that remembers, and two people."""
    made = await Place(house, tmp_path / "flowkeys.db").fill(house)
    yield made
    made.close()


async def test_a_person_goes_on_with_their_own_conversation(place: Place) -> None:
    """The second question finds the first."""
    assert await place.try_("Ada", "one") == ""
    assert await place.try_("Ada", "two") == "one"


async def test_nobody_else_s_conversation_is_read(place: Place) -> None:
    """The same session id of another person and of a visitor of a public chatflow are other sessions."""
    access = await place.lookups.access(place.chatflow.id)
    visitor = Grant(access, None)
    assert await place.try_("Ada", "Ada's") == ""
    assert await place.try_("Bob", "Bob's") == ""
    assert await place.ask(visitor, "a visitor's") == ""
    assert await place.try_("Ada", "more") == "Ada's"
    assert await place.ask(visitor, "more") == "a visitor's"


async def test_flows_that_keep_their_own_memory_keep_people_apart(place: Place) -> None:
    """What names a session to them differs by the caller, and is the same for the same one."""
    access = await place.lookups.access(place.chatflow.id)
    for name in ("Ada", "Bob", "Ada"):
        await place.try_(name, "?")
    await place.ask(Grant(access, None), "?")
    first, second, third, fourth = place.engine.flow.memories
    assert first == third
    assert len({first, second, fourth}) == 3


async def test_what_was_tried_shows_who_tried_it(place: Place) -> None:
    """With the first question and the number of messages; the messages name the person too."""
    await place.try_("Ada", "What is\na key?")
    await place.try_("Ada", "And then?")
    (item,) = await place.said()
    assert (item.person_name, item.key_id, item.first_question) == ("Ada", None, "What is a key?")
    assert (item.messages, item.session_id) == (4, SESSION)
    query = MessageQuery(workspace_id=place.workspace, chatflow_id=place.chatflow.id, conversation_id=item.id)
    page = await place.chatflows.messages(place.operator, query)
    assert {message.person_id for message in page.items} == {"ada"}
    assert page.total == 4


@pytest.mark.parametrize("permission", ["chatflows:view", "chatflows:create", "apikeys:update"])
async def test_who_may_not_change_chatflows_may_not_try_them(place: Place, permission: str) -> None:
    """The permission is named."""
    with pytest.raises(Forbidden) as refused:
        await place.predictor.authorize_person(place.person("Ada", permission), place.chatflow.id)
    assert refused.value.permission == "chatflows:update"


@pytest.mark.parametrize("kind", ["key", "operator"])
async def test_only_a_person_tries(place: Place, kind: str) -> None:
    """A key that may change everything still calls only what it is bound to."""
    caller = Caller(Principal(kind, "x", "x", place.workspace, frozenset({"*"})))
    with pytest.raises(Forbidden):
        await place.predictor.authorize_person(caller, place.chatflow.id)


async def test_another_workspace_s_chatflow_is_not_there(place: Place) -> None:
    """Neither to try, nor its conversations to read."""
    stranger = place.person("Eve", "*", workspace="elsewhere")
    with pytest.raises(NotFound):
        await place.predictor.authorize_person(stranger, place.chatflow.id)
    with pytest.raises(NotFound):
        await place.predictor.authorize_person(place.person("Ada"), "none")
    query = ConversationQuery(workspace_id=place.workspace, chatflow_id=place.chatflow.id)
    with pytest.raises(NotFound):
        await place.chatflows.conversations(stranger, query)
    await place.try_("Ada", "?")
    (item,) = await place.said()
    with pytest.raises(NotFound):
        await place.chatflows.conversation(stranger, place.chatflow.id, item.id)
    assert await place.chatflows.conversation(place.operator, place.chatflow.id, item.id) == item
