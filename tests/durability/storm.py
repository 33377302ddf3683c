"""A storm of changes and predictions, and a record of what the server acknowledged."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from tests.support.flows import events
from tests.support.waiting import PATIENCE_SECONDS, soon

WORKERS = 12
GONE = (httpx.TransportError, httpx.StreamError)


class Unavailable(Exception):
    """The store could not be reached in time, and the answer said so, and when to come again."""


@dataclass
class Key:
    """What one worker knows of a key of its own. Only this worker changes it."""

    id: str
    token: str
    name: str
    status: str = "active"
    bound: bool = False
    in_flight: str | None = None
    """The call that had no answer when the server died: either outcome is right."""


@dataclass
class Turn:
    """A prediction that was answered."""

    session: str
    message_id: str
    question: str
    text: str


@dataclass
class Ledger:
    """Everything that was acknowledged, over all storms."""

    keys: list[Key] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(key id, action) → how often it was acknowledged."""

    unavailable: int = 0
    """How many calls were told that the store is not reached: on a busy machine that may take too long."""
    is_over: bool = False
    """Whether those whose process lives are to end, too."""

    def done(self, key: Key, action: str) -> None:
        """Note an acknowledged change."""
        self.actions[key.id, action] += 1
        key.in_flight = None


class Worker:
    """Makes keys and changes and uses them, one call after the other, until the server is gone."""

    def __init__(self, http: httpx.AsyncClient, owner: str, chatflow: str, ledger: Ledger, seed: int) -> None:
        self._http = http
        self._owner = {"Authorization": f"Bearer {owner}"}
        self._chatflow = chatflow
        self._ledger = ledger
        self._random = random.Random(seed)
        self._own: list[Key] = []

    async def run(self) -> None:
        """Go on until the server dies. An answer other than the expected one fails the test."""
        calls: list[Callable[[], Awaitable[None]]] = [
            self._create, self._rename, self._toggle, self._revoke, self._ask, self._ask, self._stream,
        ]  # fmt: skip
        self._own = []
        try:
            await self._create()
            while not self._ledger.is_over:
                await self._random.choice(calls)()
        except GONE:
            return
        except Unavailable:
            self._ledger.unavailable += 1
            if not self._ledger.is_over:
                await self.run()  # with new keys: what became of the last change is not known

    async def _create(self) -> None:
        name = f"key {uuid.uuid4()}"
        bound = self._random.random() < 0.7
        body = {"keyName": name, "chatflowIds": [self._chatflow] if bound else []}
        made = (await self._manage("POST", "/apikey", 201, body)).json()
        key = Key(made["id"], made["apiKey"], name, bound=bound)
        self._own.append(key)
        self._ledger.keys.append(key)
        self._ledger.done(key, "key.create")

    async def _rename(self) -> None:
        key = self._pick("active", "disabled")
        if key is not None:
            key.in_flight = "key.update"
            name = f"renamed {uuid.uuid4()}"
            await self._manage("PUT", f"/apikey/{key.id}", 200, {"keyName": name})
            key.name = name
            self._ledger.done(key, "key.update")

    async def _toggle(self) -> None:
        key = self._pick("active", "disabled")
        if key is not None:
            verb = "disable" if key.status == "active" else "enable"
            key.in_flight = f"key.{verb}"
            await self._manage("POST", f"/apikey/{key.id}/{verb}", 200)
            key.status = "disabled" if verb == "disable" else "active"
            self._ledger.done(key, f"key.{verb}")

    async def _revoke(self) -> None:
        key = self._pick("active", "disabled")
        if key is not None and self._random.random() < 0.4:
            key.in_flight = "key.revoke"
            await self._manage("DELETE", f"/apikey/{key.id}", 200)
            key.status = "revoked"
            self._ledger.done(key, "key.revoke")

    async def _ask(self) -> None:
        key, question, session = self._question()
        if key is not None:
            body = {"question": question, "sessionId": session}
            answer = await self._http.post(self._path, json=body, headers=_bearer(key))
            _expect_an_answer(answer)
            assert answer.status_code == 200, answer.text
            said = answer.json()
            self._ledger.turns.append(Turn(session, said["chatMessageId"], question, said["text"]))

    async def _stream(self) -> None:
        """A stream acknowledges with `metadata`: by then both messages are stored."""
        key, question, session = self._question()
        if key is not None:
            body = {"question": question, "sessionId": session, "streaming": True}
            answer = await self._http.post(self._path, json=body, headers=_bearer(key))
            _expect_an_answer(answer)
            assert answer.status_code == 200, answer.text
            seen = {event["event"]: event["data"] for event in events(answer.text)}
            if "error" in seen:
                raise Unavailable
            message_id = seen["metadata"]["chatMessageId"]
            self._ledger.turns.append(Turn(session, message_id, question, f"You said: {question}"))

    def _question(self) -> tuple[Key | None, str, str]:
        key = self._pick("active")
        return key if key is not None and key.bound else None, f"question {uuid.uuid4()}", str(uuid.uuid4())

    def _pick(self, *statuses: str) -> Key | None:
        fit = [key for key in self._own if key.status in statuses]
        return self._random.choice(fit) if fit else None

    async def _manage(self, method: str, path: str, status: int, body: dict | None = None) -> httpx.Response:
        answer = await self._http.request(method, path, json=body, headers=self._owner)
        _expect_an_answer(answer)
        assert answer.status_code == status, answer.text
        return answer

    @property
    def _path(self) -> str:
        return f"/prediction/{self._chatflow}"


def _expect_an_answer(answer: httpx.Response) -> None:
    if answer.status_code == 503:
        assert (answer.json()["code"], "retry-after" in answer.headers) == ("unavailable", True)
        raise Unavailable


def _bearer(key: Key) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.token}"}


async def rage(
    url: str, owner: str, chatflow: str, ledger: Ledger, seed: int, kill: Callable[[], None], calls: int
) -> None:
    """Let workers call the server, kill it after so many calls, and wait until all have noticed.

    Of a server of several processes one is killed: then the others' callers end at their next call.
    """
    ledger.is_over = False
    changed, asked = ledger.actions.total(), len(ledger.turns)

    def is_raging() -> bool:
        changes, turns = ledger.actions.total() - changed, len(ledger.turns) - asked
        return min(changes, turns) > 0 and changes + turns >= calls

    async with httpx.AsyncClient(base_url=f"{url}/api/v1", trust_env=False, timeout=PATIENCE_SECONDS) as http:
        workers = [Worker(http, owner, chatflow, ledger, seed * 1000 + n) for n in range(WORKERS)]
        running = [asyncio.create_task(worker.run()) for worker in workers]
        await soon(is_raging, f"{calls} calls, some of them changes and some questions")
        await asyncio.to_thread(kill)
        ledger.is_over = True
        await asyncio.gather(*running)
