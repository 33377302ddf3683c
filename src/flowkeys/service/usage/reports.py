"""How much was used: of a key, a chatflow, a workspace, with what this process has not stored yet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from flowkeys.domain.errors import NotFound
from flowkeys.domain.limits.quota import Standing, standings
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.domain.usage.latency import BUCKETS
from flowkeys.domain.usage.usage import CLIENT_GONE, OK, Counted, Failing, Series, Sums, Top, series_of
from flowkeys.service.ports.quotas import Kind
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.usage import LiveUsage, UsageQuery, Waiting
from flowkeys.service.usage.periods import Asked, period_of

TOP: Final = 10
"""So many of the keys and chatflows that are used most are named."""
FAILING: Final = 5
"""So many of the keys that fail most, and of quotas that end, are named at a glance."""
NOTICED: Final = 50
"""So many of those whose quotas reached a threshold are looked at."""
T = TypeVar("T")
Counts = Mapping[str, tuple[int, int]]
"""By id: how many calls, and how many of them ended well."""
Rows = list[tuple[int, str, Sequence[int]]]
Live = list[Counted]
"""What this process has not stored."""


class Summary(msgspec.Struct, frozen=True):
    """A workspace's usage, and what was used most."""

    series: Series
    keys: list[Top]
    chatflows: list[Top]


class Glance(msgspec.Struct, frozen=True):
    """What a workspace's usage comes to, at a glance."""

    day: Sums
    """Of the last 24 hours."""
    week: Sums
    """Of the last 7 days, today included."""
    failing: list[Failing]
    """The keys most of whose calls did not end well in these 24 hours."""
    is_used: bool
    """Whether any call was ever counted."""


class Ending(msgspec.Struct, frozen=True):
    """A quota of which little or nothing is left, and whose it is."""

    kind: Kind
    id: str
    name: str
    standing: Standing


class UsageReports:
    """Reads usage. Everything that is asked for is the caller's workspace's."""

    def __init__(self, store: Store, live: LiveUsage | None, clock: Clock) -> None:
        """`live` is what this process has counted and not stored; None where it counts nothing."""
        self._store = store
        self._live = live
        self._clock = clock

    async def of_key(self, caller: Caller, key_id: str, asked: Asked) -> Series:
        """Return the usage of a key, in any status.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
            InvalidInput: no such period is kept.
            NotFound: the workspace has no such key.
        """
        caller.require("apikeys:view")
        query = self._query(caller, asked, key_id=key_id)
        return await self._series(query, lambda tx: _name_of(tx.keys.get(caller.workspace_id, key_id), "key"))

    async def of_caller(self, caller: Caller, key_id: str, asked: Asked) -> Series:
        """Return the usage of the key that asks for its own: it needs no permission."""
        return await self._series(self._query(caller, asked, key_id=key_id), lambda _: None)

    async def of_chatflow(self, caller: Caller, chatflow_id: str, asked: Asked) -> Series:
        """Return the usage of a chatflow; raises what `of_key` does."""
        caller.require("apikeys:view")
        query = self._query(caller, asked, chatflow_id=chatflow_id)
        return await self._series(
            query, lambda tx: _name_of(tx.chatflows.get(caller.workspace_id, chatflow_id), "chatflow")
        )

    async def of_customer(self, caller: Caller, customer_id: str, asked: Asked) -> Series:
        """Return what was used by keys while they were a customer's; raises what `of_key` does."""
        caller.require("apikeys:view")
        query = self._query(caller, asked, customer_id=customer_id)
        return await self._series(
            query, lambda tx: _name_of(tx.customers.get(caller.workspace_id, customer_id), "customer")
        )

    async def summary(self, caller: Caller, asked: Asked) -> Summary:
        """Return the usage of the workspace, and what of it was used most.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
            InvalidInput: no such period is kept.
        """
        caller.require("apikeys:view")
        query = self._query(caller, asked)

        def read(tx: Transaction, live: Live) -> tuple[Rows, Counts, Counts]:
            keys = tx.usage.by_key(query, TOP, {one.key_id for one in live})
            return tx.usage.sums(query), keys, tx.usage.by_chatflow(query)

        (rows, keys, chatflows), live = await self._read(query, read)
        top_keys = _most(keys, ((one.key_id, one) for one in live))
        top_chatflows = _most(chatflows, ((one.chatflow_id, one) for one in live))
        names = await self._store.read(
            lambda tx: tx.usage.names(caller.workspace_id, list(top_keys), list(top_chatflows))
        )
        return Summary(
            series_of(query.period, [*rows, *_rows(live)]),
            [Top(each, names[0].get(each), *counts) for each, counts in top_keys.items()],
            [Top(each, names[1].get(each), *counts) for each, counts in top_chatflows.items()],
        )

    async def glance(self, caller: Caller) -> Glance:
        """Return what is used and what fails: quick among any number of keys.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
        """
        caller.require("apikeys:view")
        day, week = self._query(caller, Asked()), self._query(caller, Asked(first="6d", step="day"))

        def read(tx: Transaction, _: Live) -> tuple[Rows, Rows, list[tuple[str, str, int]], bool]:
            any_ = tx.usage.any(caller.workspace_id)
            return tx.usage.sums(day), tx.usage.sums(week), tx.usage.failing(day), any_

        (of_day, of_week, failing, any_), live = await self._read(week, read)
        today = [one for one in live if day.takes(one)]
        worst = _worst([*failing, *((one.key_id, one.outcome, sum(one.numbers[:BUCKETS])) for one in today)])
        names, _ = await self._store.read(
            lambda tx: tx.usage.names(caller.workspace_id, [key_id for key_id, _, _ in worst], [])
        )
        return Glance(
            series_of(day.period, [*of_day, *_rows(today)]).total,
            series_of(week.period, [*of_week, *_rows(live)]).total,
            [Failing(key_id, names.get(key_id), calls, outcome) for key_id, calls, outcome in worst],
            any_ or bool(live),
        )

    async def ending(self, caller: Caller) -> list[Ending]:
        """Return quotas of which four fifths are used, as far as that is stored, the most used first.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
        """
        caller.require("apikeys:view")
        now, of = self._clock(), caller.workspace_id

        def read(tx: Transaction) -> list[Ending]:
            found: list[Ending] = []
            for kind, each in tx.quotas.noticed(of, NOTICED):
                item = tx.keys.get(of, each) if kind is Kind.KEY else tx.customers.get(of, each)
                if item is not None and item.status.value == "active":
                    found += [
                        Ending(kind, each, item.name, standing)
                        for standing in standings(item.quotas, item.quota_uses, now)
                        if 5 * standing.used >= 4 * standing.quota.amount
                    ]
            return found

        found = await self._store.read(read)
        found.sort(key=lambda each: -each.standing.used / each.standing.quota.amount)
        return found[:FAILING]

    def _query(self, caller: Caller, asked: Asked, **whose: str) -> UsageQuery:
        period = period_of(asked, self._clock())
        return UsageQuery(workspace_id=caller.workspace_id, period=period, **whose)

    async def _series(self, query: UsageQuery, name_of: Callable[[Transaction], str | None]) -> Series:
        def read(tx: Transaction, _: Live) -> tuple[str | None, Rows]:
            return name_of(tx), tx.usage.sums(query)

        (name, rows), live = await self._read(query, read)
        found = series_of(query.period, [*rows, *_rows(live)])
        return msgspec.structs.replace(found, name=name)

    async def _read(self, query: UsageQuery, read: Callable[[Transaction, Live], T]) -> tuple[T, Live]:
        """Return what is stored, and what is not: nothing is in both, and nothing in neither.

        A flush may come in between. Batches have numbers, and the store says which was added last.
        """
        if self._live is None:
            return await self._store.read(lambda tx: read(tx, [])), []
        while True:
            waiting = self._live.waiting(query.workspace_id)

            def work(tx: Transaction, waiting: Waiting = waiting) -> tuple[T, Live] | None:
                added = tx.usage.added(waiting.recorder)
                if added > waiting.last_number:  # some of what was in no batch is stored now
                    return None
                live = _left(waiting, added, query)
                return read(tx, live), live

            found = await self._store.read(work)
            if found is not None:
                return found


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _name_of(found: _Named | None, what: str) -> str:
    if found is None:
        raise NotFound(what)
    return found.name


def _left(waiting: Waiting, added: int, query: UsageQuery) -> Live:
    batches = (one for batch in waiting.batches if batch.number > added for one in batch.counted)
    return [
        one
        for one in (*batches, *waiting.counted())
        if one.workspace_id == query.workspace_id and query.takes(one)
    ]


def _rows(live: Live) -> Rows:
    return [(one.time, one.outcome, one.numbers) for one in live]


def _worst(counted: Iterable[tuple[str, str, int]]) -> list[tuple[str, int, str]]:
    """Return (key id, calls, most frequent outcome) of the keys with most calls that did not end well."""
    found: dict[str, dict[str, int]] = {}
    for key_id, outcome, calls in counted:
        if key_id and outcome not in {OK, CLIENT_GONE}:
            of = found.setdefault(key_id, {})
            of[outcome] = of.get(outcome, 0) + calls
    worst = sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:FAILING]
    return [(key_id, sum(of.values()), max(of, key=lambda each: of[each])) for key_id, of in worst]


def _most(stored: Counts, live: Iterable[tuple[str, Counted]]) -> Counts:
    """Return the ids that were called most, the first of them first."""
    counts = {each: list(found) for each, found in stored.items()}
    for each, one in live:
        if each:
            calls = sum(one.numbers[:BUCKETS])
            found = counts.setdefault(each, [0, 0])
            found[0] += calls
            found[1] += calls if one.outcome == OK else 0
    best = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))[:TOP]
    return {each: (calls, ok) for each, (calls, ok) in best}
