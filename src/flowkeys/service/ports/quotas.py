"""Quotas: what was used of them is counted in memory, stored by one writer, and announced once."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.limits.process import Process
from flowkeys.domain.limits.quota import Quota, QuotaUse, Standing
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.service.ports.verification import Pending


class Kind(StrEnum):
    """What has a quota."""

    KEY = "key"
    CUSTOMER = "customer"


class Whose(msgspec.Struct, frozen=True):
    """A key or a customer."""

    kind: Kind
    id: str
    workspace_id: str


class QuotaKeeper(Protocol):
    """Counts what is used of quotas. What a call takes of several it takes of all, or of none."""

    def at_once(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent | Literal[Pending.PENDING]:
        """Return what `take` returns, or `PENDING` where that takes long; then nothing is taken.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...

    async def take(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent:
        """Take one call of every quota and reserve `tokens`, or nothing when one has too little left.

        `tokens` is None for a call that uses none. What was reserved is to be settled (`Spent.reserved`);
        what nobody settles within an hour is given back.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...

    def give_back(self, spent: Spent) -> Spent:
        """Give back what a call took that is refused after all; return what is left then."""
        ...

    async def standing(self, scopes: tuple[QuotaScope, ...]) -> Spent:
        """Return what is left, and take nothing.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...


class LiveQuotas(Protocol):
    """Tells what this process has counted, stored or not. Safe to ask from any thread."""

    def uses(self, subject_id: str) -> tuple[QuotaUse, ...] | None:
        """Return what a key or customer has used; None: this process does not know, what is stored counts."""
        ...

    def reserved(self, subject_id: str) -> int:
        """Return how many tokens of its runs are reserved."""
        ...


class Runs(Protocol):
    """Knows what running a chatflow may use at most."""

    def most_tokens_at_once(self, access: ChatflowAccess) -> int | Literal[Pending.PENDING]:
        """Return what `most_tokens` returns, or `PENDING` where that takes long."""
        ...

    async def most_tokens(self, access: ChatflowAccess) -> int:
        """Return how many tokens its models may use at most, their prompts apart; 0: it asks none."""
        ...


class Spending(msgspec.Struct, frozen=True):
    """What was used in one step since that was stored last."""

    whose: Whose
    use: QuotaUse


class Crossing(msgspec.Struct, frozen=True):
    """A quota of which so much is used that it is to be announced."""

    whose: Whose
    quota: Quota
    threshold: int
    """In percent."""
    standing: Standing


class QuotaBatch(msgspec.Struct, frozen=True):
    """What is stored in one transaction: once, however often it is tried."""

    recorder: str
    """Which process counted."""
    number: int
    """Grows by one with each of its batches."""
    spendings: Sequence[Spending]
    crossings: Sequence[Crossing]


class Processes(Protocol):
    """The processes that serve the database, within one transaction."""

    def all(self) -> list[Process]:
        """Return the rows of all, those that may be gone included."""
        ...

    def now(self, given: int) -> int:
        """Return what time it is for all who share the database; `given` is what this process thinks.

        Clocks of several machines differ, and who is ahead would take all others for gone.
        """
        ...

    def add(self, process: Process) -> None:
        """Add a process."""
        ...

    def beat(self, process_id: str, now: int) -> bool:
        """Note that a process is there; False: it is not known any more."""
        ...

    def remove(self, process_id: str) -> None:
        """Remove a process that ends, or has."""
        ...

    def has_limits(self) -> bool:
        """Tell whether a limit or a quota is stored, in any workspace."""
        ...

    def limit_names(self) -> set[str]:
        """Return the names of all limits that are stored, in any workspace: those of quotas are fixed."""
        ...


class QuotaUses(Protocol):
    """What was used of quotas, within one transaction."""

    def noticed(self, workspace_id: str, most: int) -> list[tuple[Kind, str]]:
        """Return those whose quotas reached a threshold, the last ones first: it may be in a past period."""
        ...

    def add(self, spendings: Iterable[Spending]) -> None:
        """Add up what was used."""
        ...

    def uses(self, workspace_id: str, kind: Kind, ids: Sequence[str]) -> dict[str, tuple[QuotaUse, ...]]:
        """Return what is stored of keys or customers, step by step; nothing for those that used nothing."""
        ...

    def note(self, crossing: Crossing, now: int) -> bool:
        """Note that a threshold was reached, unless that was noted in this period; tell whether it was not.

        Of a quota with another amount it is noted anew.
        """
        ...

    def prune(self, hours_before: int, days_before: int) -> None:
        """Delete hours and days that no quota counts any more."""
        ...
