"""Clients that use the same few keys through all processes, and write down who was told what, and when."""

import asyncio
import contextlib
import json
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from tests.conformance.as_one.checker import UNKNOWN, Step
from tests.conformance.as_one.model import ABSENT, READS, REFUSED, Answer, Call, Key
from tests.support.waiting import PATIENCE_SECONDS

CLIENTS: Final = 4
CALLS_OF_A_KEY: Final = 100
"""Then another one takes its place."""
KEYS_AT_A_TIME: Final = 2
TRIES: Final = 100
"""To make a key: a server that is being started, or a database on a busy machine, has none made."""
_MOMENT_SECONDS: Final = 0.01
_OUTAGES: Final = frozenset({500, 502, 503})
_VERBS: Final = [
    *["verify"] * 40, *["read"] * 4, *["rename"] * 3, *["disable"] * 2, *["enable"] * 3, *["bind"] * 3,
    *["unbind"] * 2,
]  # fmt: skip


class Gone(Exception):
    """A call had no answer."""


@dataclass
class Recorded:
    """A key, and what was asked of it."""

    id: str
    token: str
    steps: list[Step] = field(default_factory=list)
    begun: int = 0


class Line:
    """A connection, on which one call is made at a time; it knows which process is at its other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.process = ""
        self.is_over = False

    @staticmethod
    async def open(url: str) -> "Line":
        """Connect."""
        place = urlsplit(url)
        try:
            return Line(*await asyncio.open_connection(place.hostname, place.port))
        except OSError as error:
            raise Gone from error

    @staticmethod
    async def to(url: str) -> "Line":
        """Connect, and ask who it is."""
        line = await Line.open(url)
        _, _, fields = await line.call("GET", "/auth/verify", "none")
        line.process = f"{url} {fields['x-request-id'].partition('-')[0]}"
        return line

    async def call(
        self, method: str, path: str, token: str, body: Any = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Return the status, the body and the fields of an answer.

        Raises:
            Gone: there is none.
        """
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self._writer.write(head.encode() + data)
                first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
                text = await self._reader.readexactly(int(fields.get("content-length", 0)))
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Gone from error
        if fields.get("connection") == "close":
            self.close()
        return int(first.split(" ")[1]), json.loads(text) if text else None, fields

    def close(self) -> None:
        """Let go of it."""
        self.is_over = True
        with contextlib.suppress(OSError):
            self._writer.close()


class Client:
    """Makes one call after the other, each through a process that is chosen at random."""

    def __init__(self, urls: Sequence[str], owner: str, chatflow: str, chance: random.Random) -> None:
        self._urls, self._owner, self._chatflow, self._chance = urls, owner, chatflow, chance
        self._lines: dict[int, Line] = {}
        """By the place of its URL."""

    async def create(self) -> Recorded | None:
        """Make a key."""
        name = f"key {self._chance.random()}"
        began = time.monotonic()
        line = await self._line()
        try:
            status, said, _ = await line.call("POST", "/apikey", self._owner, {"keyName": name})
        except Gone:
            return None
        if status in _OUTAGES:
            return None
        assert status == 201, said
        key = Recorded(said["id"], said["apiKey"])
        key.steps.append(Step(Call("create", name), _key(said), began, time.monotonic(), line.process))
        return key

    async def use(self, key: Recorded, revoke: bool) -> None:
        """Make one call with a key. Behind a change ask at once what became of it, there and elsewhere."""
        verb = "revoke" if revoke else self._chance.choice(_VERBS)
        line = await self._line()
        await self._call(line, key, verb)
        if verb not in READS:
            await self._call(line, key, "verify")
            await self._call(await self._line(), key, "verify")

    async def _call(self, line: Line, key: Recorded, verb: str) -> None:
        """Make one call, and write down what came of it."""
        if line.is_over:
            return
        call = Call(verb, f"name {self._chance.random()}" if verb == "rename" else "")
        began = time.monotonic()
        try:
            answer = await self._ask(line, key, call)
            ended = time.monotonic()
        except Gone:
            answer, ended = UNKNOWN, math.inf
        if answer is not UNKNOWN or verb not in READS:
            key.steps.append(
                Step(call, answer, began, math.inf if answer is UNKNOWN else ended, line.process)
            )

    async def _ask(self, line: Line, key: Recorded, call: Call) -> Answer | object:
        path = f"/apikey/{key.id}"
        if call.verb == "verify":
            status, said, _ = await line.call("GET", f"/auth/verify/chatflow/{self._chatflow}", key.token)
            return UNKNOWN if status in _OUTAGES else said["code"] if said else "valid"
        bound = [self._chatflow] if call.verb == "bind" else []
        body: Any
        method, path, body = {
            "read": ("GET", path, None),
            "rename": ("PUT", path, {"keyName": call.name}),
            "disable": ("POST", f"{path}/disable", None),
            "enable": ("POST", f"{path}/enable", None),
            "bind": ("PUT", f"{path}/chatflows", {"chatflowIds": bound}),
            "unbind": ("PUT", f"{path}/chatflows", {"chatflowIds": bound}),
            "revoke": ("DELETE", path, None),
        }[call.verb]
        status, said, _ = await line.call(method, path, self._owner, body)
        if status in _OUTAGES:
            return UNKNOWN
        if status != 200:
            assert status in {REFUSED, ABSENT}, said
            return status
        return int(said["affected"]) if call.verb == "revoke" else _key(said)

    async def _line(self) -> Line:
        """Return a connection to a process; to another one while that is gone."""
        while True:
            for place in self._chance.sample(range(len(self._urls)), len(self._urls)):
                line = self._lines.get(place)
                if line is not None and not line.is_over:
                    return line
                with contextlib.suppress(Gone):
                    line = self._lines[place] = await Line.to(self._urls[place])
                    return line
            await asyncio.sleep(_MOMENT_SECONDS)

    def close(self) -> None:
        """Let go of all connections."""
        for line in self._lines.values():
            line.close()


async def record(
    urls: Sequence[str],
    owner: str,
    chatflow: str,
    *,
    keys: int,
    seed: int,
    meanwhile: Callable[[int], Awaitable[None]] | None = None,
) -> list[Recorded]:
    """Return so many keys, each with the history of its calls.

    `meanwhile` is called before each key is made, with its number. What `urls` has may change.
    """
    chance = random.Random(seed)
    clients = [Client(urls, owner, chatflow, random.Random(chance.random())) for _ in range(CLIENTS)]
    found: list[Recorded] = []
    now: list[Recorded] = []
    made = 0

    async def run(client: Client) -> None:
        nonlocal made
        while made < keys or now:
            if len(now) < KEYS_AT_A_TIME and made < keys:
                made += 1
                if meanwhile is not None:
                    await meanwhile(made)
                for _ in range(TRIES):
                    key = await client.create()
                    if key is not None:
                        found.append(key)
                        now.append(key)
                        break
                    await asyncio.sleep(_MOMENT_SECONDS)
                continue
            if not now:
                await asyncio.sleep(_MOMENT_SECONDS)
                continue
            key = chance.choice(now)
            key.begun += 1
            if key.begun >= CALLS_OF_A_KEY:
                now.remove(key)
            await client.use(key, chance.random() < key.begun / CALLS_OF_A_KEY / 10)

    try:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(run(client))
    finally:
        for client in clients:
            client.close()
    return found


def _key(said: dict[str, Any]) -> Key:
    return Key(said["keyName"], said["status"], bool(said["chatFlows"]))
