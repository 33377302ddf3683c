"""Fill a data directory with what the screenshots show.

All of it is made through the services, as people would have made it, under a clock that stands in the past.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import msgspec

from flowkeys import bootstrap
from flowkeys.config import Settings, load
from flowkeys.documents.folder import read_folder
from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.keys.bearer import MISSING
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.keys.token import Token
from flowkeys.domain.listing import ConversationQuery
from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Role
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.documents.importing import DocumentLimits
from flowkeys.service.keys.input import NewKey
from flowkeys.service.keys.rotations import NewRotation
from flowkeys.service.people.sign_in_rows import Started
from flowkeys.service.ports.flows import Event, Tokens
from flowkeys.service.predictions.input import read_prediction
from scripts.demo_around import count_calls, fill_around
from scripts.demo_data import (
    ADA,
    BROKEN,
    DOCS,
    ECHO,
    GRACE,
    HOSTILE,
    INVITED,
    KEYS,
    LONGEST,
    MIRIAM,
    NEWCOMER,
    ODD,
    PEOPLE,
    PUBLIC,
    QUESTIONS,
    ROTATED_DAYS,
    ROTATING,
    F,
    K,
    P,
    flows,
)

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "the password of a picture"  # noqa: S105 - the people live as long as the pictures take
DAY = 24 * 3_600_000_000
MINUTE_DAYS = 1 / 1440


@dataclass(frozen=True)
class Demo:
    """What those who take the pictures need to know."""

    sign_ins: dict[str, str]
    """Secrets of sign-ins that are alive, by role."""
    invitation: str
    """The path of an invitation that can be accepted."""
    reset: str
    """The path of a link to a new password."""
    person: str
    """The id of a member."""
    conversation: str
    """The id of one with the first chatflow."""
    chatflows: tuple[str, ...]
    """Ids, in the order of the data."""
    keys: dict[str, str]
    """Ids, by name."""
    around: dict[str, str]
    """What else paths name, and their ids."""

    def paths(self) -> dict[str, str]:
        """Return what the paths of pages name in braces."""
        return {
            "invitation": self.invitation,
            "reset": self.reset,
            "person": self.person,
            "conversation": self.conversation,
            **self.around,
            "key": self.keys[KEYS[0].name],
            "key_hostile": self.keys[HOSTILE],
            "key_longest": self.keys[LONGEST],
            "key_disabled": self.keys["Old website"],
            "key_revoked": self.keys["Prototype"],
            "key_rotating": self.keys[ROTATING],
            "chatflow": self.chatflows[DOCS],
            "chatflow_echo": self.chatflows[ECHO],
            "chatflow_broken": self.chatflows[BROKEN],
            "chatflow_public": self.chatflows[PUBLIC],
            "chatflow_hostile": self.chatflows[ODD],
        }


NOWHERE: Final = "http://127.0.0.1:9"
"""Where nobody listens, for a run that fails."""


def fill(data: Path, **more: Any) -> Demo:
    """Fill a new data directory, or with `more` settings the database they name; return what is in it."""
    past = _Past()
    with mock.patch.object(bootstrap.runtime, "clock", past):  # each service is given it where it is made
        return asyncio.run(_fill(load(data_dir=data, **{"allowed_endpoints": (NOWHERE,), **more}), past))


async def _fill(settings: Settings, past: "_Past") -> Demo:
    runtime = await bootstrap.open_runtime(settings)
    try:
        return await _Filler(runtime, past, (await runtime.workspaces.default()).id).fill()
    finally:
        await runtime.close()


class _Past:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self._started = time.time_ns() // 1000
        self.days_ago = max(person.joined for person in PEOPLE) + 1

    def __call__(self) -> int:
        return self._started - int(self.days_ago * DAY)


class _Filler:
    def __init__(self, runtime: bootstrap.Runtime, past: _Past, workspace_id: str) -> None:
        self._runtime = runtime
        self._past = past
        self._operator = Caller(operator(workspace_id))
        self._people: list[Caller] = []
        self._person_ids: list[str] = []
        self._chatflows: list[str] = []
        self._keys: dict[str, tuple[str, Token]] = {}

    async def fill(self) -> Demo:
        for person in PEOPLE:
            await self._join(person)
        for flow in flows(await self._documents()):
            await self._make_chatflow(flow)
        for key in sorted(KEYS, key=lambda key: -key.made):
            await self._make_key(key)
        await self._ask()
        keys = {name: key_id for name, (key_id, _) in self._keys.items()}
        self._past.days_ago = 0
        await count_calls(self._runtime, self._people[ADA], keys, self._chatflows, self._past())
        for key in KEYS:
            await self._age(key)
        await self._runtime.usage.flush()
        self._past.days_ago = 1
        await self._runtime.policies.update(
            self._people[ADA], lambda policy: msgspec.structs.replace(policy, rotate_after_days=ROTATED_DAYS)
        )
        issued = await self._runtime.links.invite(self._people[ADA], INVITED, Role.MEMBER)
        self._past.days_ago = MINUTE_DAYS
        sign_ins = {person.role.value: await self._sign_in(person) for person in reversed(PEOPLE)}
        sign_ins["newcomer"] = await self._newcomer()
        reset = await self._runtime.links.reset_link(PEOPLE[MIRIAM].email)
        return Demo(
            sign_ins=sign_ins,
            invitation=issued.path,
            reset=reset.path,
            person=self._person_ids[GRACE],
            conversation=await self._conversation(),
            chatflows=tuple(self._chatflows),
            keys=keys,
            around=await fill_around(self._runtime, self._people[ADA], keys, self._chatflows),
        )

    async def _join(self, person: P) -> None:
        self._past.days_ago = person.joined
        started = await self._accept(self._operator, person)
        self._people.append(Caller(started.person.as_principal()))
        self._person_ids.append(started.person.id)

    async def _accept(self, inviter: Caller, person: P) -> Started:
        links = self._runtime.links
        issued = await links.invite(inviter, person.email, person.role)
        secret = issued.secret.reveal()
        return await links.accept(Purpose.INVITATION, secret, password=PASSWORD, name=person.name)

    async def _newcomer(self) -> str:
        """Let somebody into a workspace in which there is nothing yet."""
        workspace = await self._runtime.workspaces.create("Empty")
        started = await self._accept(Caller(operator(workspace.id)), NEWCOMER)
        return started.secret.reveal()

    async def _conversation(self) -> str:
        """Return the latest conversation with the first chatflow, which has sources."""
        owner = self._people[ADA]
        query = ConversationQuery(
            workspace_id=owner.principal.workspace_id, chatflow_id=self._chatflows[DOCS], limit=1
        )
        found = await self._runtime.chatflows.conversations(owner, query)
        return found.items[0].id

    async def _sign_in(self, person: P) -> str:
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        started = await self._runtime.sign_ins.sign_in(
            person.email, PASSWORD, address="192.0.2.7", user_agent=agent
        )
        assert isinstance(started, Started)
        return started.secret.reveal()

    async def _documents(self) -> str:
        self._past.days_ago = PEOPLE[ADA].joined
        collection = await self._runtime.collections.create(self._people[ADA], "Documentation")
        files = read_folder(ROOT / "docs", DocumentLimits())
        await self._runtime.collections.add_files(self._people[ADA], collection.id, files)
        return collection.id

    async def _make_chatflow(self, flow: F) -> None:
        self._past.days_ago = flow.made
        patch = ChatflowPatch(
            name=flow.name, type=ChatflowType.AGENTFLOW, flow_data=flow.flow_data, is_public=flow.is_public
        )
        made = await self._runtime.chatflows.create(self._people[ADA], patch)
        self._chatflows.append(made.chatflow.id)

    async def _make_key(self, key: K) -> None:
        self._past.days_ago = key.made
        new = NewKey(
            name=key.name,
            permissions=frozenset(key.may),
            chatflow_ids=tuple(self._chatflows[place] for place in key.opens),
            expires_at=None if key.lives is None else self._past() + key.lives * DAY,
            note=key.note,
        )
        made = await self._runtime.keyring.create(self._people[key.by], new)
        self._keys[key.name] = made.key.id, made.token

    async def _age(self, key: K) -> None:
        key_id, _ = self._keys[key.name]
        self._past.days_ago = key.made if key.used is None else key.used
        if key.used is not None:
            client = KnownClient("203.0.113.24", "python-requests/2.32.3")
            self._runtime.usage.used(key_id, self._past(), client)
        self._past.days_ago -= 60 * MINUTE_DAYS
        if key.ended == "disable":
            await self._runtime.keyring.disable(self._people[ADA], key_id)
        elif key.ended == "revoke":
            await self._runtime.keyring.revoke(self._people[ADA], key_id)
        if key.name == ROTATING:
            await self._rotate(key_id)

    async def _rotate(self, key_id: str) -> None:
        """Rotate a key two days ago; the old token was used yesterday."""
        self._past.days_ago = 2
        new = NewRotation(grace_seconds=14 * 86_400, finish_when_unused_seconds=5 * 86_400)
        made = await self._runtime.keyring.rotations.begin(self._people[ADA], key_id, new)
        rotation = made.key.rotation
        assert rotation is not None
        self._past.days_ago = 1
        seen = KnownClient("203.0.113.57", "acme-billing/2.3 (python-httpx/0.28.1)")
        for _ in range(42):
            self._runtime.usage.used_replaced(rotation.token, self._past(), seen)

    async def _ask(self) -> None:
        """Have conversations, over days, by several keys and in public."""
        for place, question in enumerate(QUESTIONS):
            for chatflow, caller in ((DOCS, KEYS[place]), (ECHO, KEYS[0]), (PUBLIC, None)):
                if caller is None or chatflow in caller.opens:
                    self._past.days_ago = 0.9 * place + 5 * MINUTE_DAYS
                    await self._call(chatflow, caller, question, f"session-{chatflow}-{place}")

    async def _call(self, chatflow: int, key: K | None, question: str, session: str) -> None:
        predictor, chatflow_id = self._runtime.predictor, self._chatflows[chatflow]
        credential = MISSING if key is None else self._keys[key.name][1]
        shown = credential.reveal().encode() if isinstance(credential, Token) else credential
        grant = await predictor.authorize(chatflow_id, shown)
        assert not isinstance(grant, Denied), f"{question}: {grant}"
        run = await predictor.open(grant, read_prediction({"question": question, "sessionId": session}))
        await run.execute(_nobody)


async def _nobody(_event: Event | Tokens) -> None:
    """Nobody watches the answer come."""
