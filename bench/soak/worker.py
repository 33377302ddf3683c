"""A worker: changes keys of its own, one at a time, and knows what every call with them must be answered."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import msgspec

from bench.soak.client import Client
from bench.soak.other import Other
from bench.verification.keys import token, wrong

BOUND_NS: Final = 20_000_000
"""A change made elsewhere may take so long until it holds here. One made here holds at once."""
KEYS: Final = 12
_CHANGES_IN: Final = 60
"""One in so many steps is a change."""
_GARBAGE_IN: Final = 12
_LIKELY: Final = ("disable", "bind", "bind", "unbind", "unbind", "revoke")
_RACING_CALLS: Final = 4
_OWN_FLOWS: Final = 0.6
_CALLS_AFTER: Final = 8
"""So many calls follow a change made elsewhere without a pause, and see it come."""

ALLOWED: Final = 200
UNKNOWN: Final = 401
ELSEWHERE: Final = 403
LIMITED: Final = 429


@dataclass
class Key:
    """A key as the worker left it."""

    id: str
    token: str
    status: str = "active"
    flows: set[str] = field(default_factory=set)
    before: "tuple[str, frozenset[str]] | None" = None
    """What it was before a change made elsewhere, until that was seen or had to be."""
    changed: int = 0

    def answer(self, flow: str) -> int:
        """Return the status that a call of `flow` must get."""
        return _answer(self.status, self.flows, flow)


def _answer(status: str, flows: "set[str] | frozenset[str]", flow: str) -> int:
    if status != "active":
        return UNKNOWN
    return ALLOWED if flow in flows else ELSEWHERE


class Report:
    """What all workers saw."""

    def __init__(self) -> None:
        self.made = 0
        """Keys, so far: they stay in the database, and what is known of them in memory."""
        self.calls: Counter[str] = Counter()
        self.changes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.stale_ms: list[float] = []
        """How long after a change made elsewhere calls began that were still answered as before."""
        self.times: list[tuple[float, float]] = []
        """When a sampled check ended, and how many milliseconds it took."""


class Worker:
    """Runs until it is told to stop."""

    def __init__(
        self,
        number: int,
        clients: tuple[Client, Client],
        owner: str,
        flows: list[str],
        other: Other,
        report: Report,
    ):
        self._name = f"worker-{number}"
        self._chance = random.Random(number)
        self._client, self._racer = clients
        self._owner = owner
        self._flows = flows
        self._other = other
        self._report = report
        self._keys: list[Key] = []

    async def run(self, until: float) -> None:
        """Work until the time `until` (monotonic)."""
        while len(self._keys) < KEYS:
            await self._create(self._chance.choice(("api", "service")))
        while time.monotonic() < until:
            if self._chance.randrange(_CHANGES_IN) == 0:
                await self._change()
            elif self._chance.randrange(_GARBAGE_IN) == 0:
                await self._send_garbage()
            else:
                await self._check(self._chance.choice(self._keys))
        for key in self._keys:
            for flow in self._flows:
                await self._check(key, flow)
        self._client.close()
        self._racer.close()

    async def _change(self) -> None:
        key = self._chance.choice(self._keys)
        way = self._chance.choice(("api", "service", "sql"))
        action = self._chance.choice(self._possible(key))
        if key.status == "revoked":
            self._keys.remove(key)
            await self._check(key)
            await self._create("api" if way == "sql" else way)
            return
        flow = self._chance.choice(sorted(self._can_move(key, action)) or [self._flows[0]])
        await self._settle(key)
        before = key.status, frozenset(key.flows)
        async with asyncio.TaskGroup() as group:
            racing = group.create_task(self._race(key.token, flow))
            if way == "api":
                await self._by_api(key, action, flow)
            else:
                key.changed, _ = await self._other.change(way, action, key.id, flow)
                key.before = before
        _apply(key, action, flow)
        if not racing.result() <= {_answer(*before, flow), key.answer(flow), LIMITED}:
            self._report.wrong.append(f"during {action} by {way}: {sorted(racing.result())}")
        self._report.changes[f"{action} by {way}"] += 1
        for _ in range(_CALLS_AFTER):
            await self._check(key, flow)

    async def _race(self, sent: str, flow: str) -> set[int]:
        """Call while the key is being changed: no look-up that is on its way then may outlive the change."""
        return {
            (await self._racer.call("GET", f"/api/v1/auth/verify/chatflow/{flow}", sent))[0]
            for _ in range(_RACING_CALLS)
        }

    def _possible(self, key: Key) -> list[str]:
        possible = _LIKELY if key.status == "active" else ("enable", "enable", "enable", "revoke")
        return [action for action in possible if action[-4:] != "bind" or self._can_move(key, action)]

    def _can_move(self, key: Key, action: str) -> set[str]:
        return set(key.flows) if action == "unbind" else set(self._flows) - key.flows

    async def _create(self, way: str) -> None:
        flow = self._chance.choice(self._flows)
        if way == "api":
            status, body = await self._client.call(
                "POST", "/api/v1/apikey", self._owner, {"keyName": self._name, "chatflowIds": [flow]}
            )
            assert status == 201, body
            said = msgspec.json.decode(body)
            key = Key(said["id"], said["apiKey"], flows={flow})
        else:
            key = Key("", "", flows={flow})
            key.changed, (key.id, key.token) = await self._other.change("service", "create", self._name, flow)
            key.before = "unknown", frozenset()
        self._report.changes[f"create by {way}"] += 1
        self._keys.append(key)
        self._report.made += 1
        await self._check(key, flow)

    async def _by_api(self, key: Key, action: str, flow: str) -> None:
        path = f"/api/v1/apikey/{key.id}"
        if action == "revoke":
            status, body = await self._client.call("DELETE", path, self._owner)
        elif action in {"disable", "enable"}:
            status, body = await self._client.call("POST", f"{path}/{action}", self._owner)
        else:
            flows = key.flows | {flow} if action == "bind" else key.flows - {flow}
            sent = {"chatflowIds": sorted(flows)}
            status, body = await self._client.call("PUT", f"{path}/chatflows", self._owner, sent)
        if status != ALLOWED:
            self._report.wrong.append(f"{action} by the API: {status} {body[:200]!r}")

    async def _settle(self, key: Key) -> None:
        """See a change made elsewhere before the next one: with two on their way nobody could tell."""
        while key.before is not None:
            await self._check(key)

    async def _check(self, key: Key, flow: str | None = None) -> None:
        if flow is None:
            some = sorted(key.flows) if key.flows and self._chance.random() < _OWN_FLOWS else self._flows
            flow = self._chance.choice(some)
        how = self._chance.choice(("forward", "forward", "forward", "verify", "prediction"))
        began = time.monotonic_ns()
        status, body = await self._ask(how, key.token, flow)
        ended = time.monotonic_ns()
        self._report.calls[f"{how} {status}"] += 1
        if self._chance.randrange(8) == 0:
            self._report.times.append((ended / 1e9, (ended - began) / 1e6))
        right = _fits(status, key.answer(flow))
        if right and status == ALLOWED and how == "verify":
            right = msgspec.json.decode(body)["id"] == key.id
        if key.before is None:
            if not right:
                self._complain(how, key, flow, status, "")
            return
        was = _answer(*key.before, flow)
        if began - key.changed > BOUND_NS:
            if not right:
                self._complain(
                    how, key, flow, status, f", {(began - key.changed) / 1e6:.1f} ms after a change"
                )
            key.before = None
        elif right and not _fits(status, was):
            key.before = None  # once it was seen, the old answer is wrong
        elif not right and _fits(status, was):
            self._report.stale_ms.append((began - key.changed) / 1e6)
        elif not right:
            self._complain(how, key, flow, status, " or as before")

    async def _ask(self, how: str, sent: str, flow: str) -> tuple[int, bytes]:
        if how == "forward":
            return await self._client.call("GET", f"/api/v1/auth/verify/chatflow/{flow}", sent)
        if how == "verify":
            return await self._client.call("POST", "/api/v1/apikey/verify", sent, {"chatflowId": flow})
        return await self._client.call("POST", f"/api/v1/prediction/{flow}", sent, {"question": "Hello"})

    async def _send_garbage(self) -> None:
        unknown = token(self._chance)
        mine = self._chance.choice(self._keys).token
        sent = self._chance.choice((unknown, wrong(unknown), wrong(mine), mine[:-2], "x" * 40))
        status, _ = await self._ask("forward", sent, self._flows[0])
        self._report.calls[f"garbage {status}"] += 1
        if not _fits(status, UNKNOWN):
            self._report.wrong.append(f"garbage was answered {status}")

    def _complain(self, how: str, key: Key, flow: str, status: int, when: str) -> None:
        self._report.wrong.append(
            f"{how} with key {key.id} ({key.status}, {'' if flow in key.flows else 'not '}bound): "
            f"{status} instead of {key.answer(flow)}{when}"
        )


def _fits(status: int, expected: int) -> bool:
    """Too many failures from one address may turn a refusal into another, and nothing else."""
    return status == expected or (status == LIMITED and expected == UNKNOWN)


def _apply(key: Key, action: str, flow: str) -> None:
    match action:
        case "disable":
            key.status = "disabled"
        case "enable":
            key.status = "active"
        case "revoke":
            key.status = "revoked"
        case "bind":
            key.flows.add(flow)
        case "unbind":
            key.flows.discard(flow)
