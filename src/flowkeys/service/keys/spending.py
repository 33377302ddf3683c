"""What a call takes of rate limits and quotas: of all of them, or of none."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Allowed, Decision, Denied, Reason
from flowkeys.domain.limits.gcra import NOTHING, Scope, Taken
from flowkeys.domain.limits.quota_fields import refusal_text
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.service.keys.asked import Asked
from flowkeys.service.ports.limits import RateLimiter, Together, Told
from flowkeys.service.ports.quotas import QuotaKeeper, Runs
from flowkeys.service.ports.verification import PENDING, Pending


def not_counted(record: KeyRecord) -> Denied:
    """Return the refusal of a call that is to be counted where nobody counts."""
    return Denied(Reason.LIMITS_NOT_COUNTED, record)


class LimitsAndQuotas:
    """Takes of both for calls to which either applies; what is to be counted and cannot be is refused.

    Quotas first: what was taken of them can be given back when a rate limit refuses the call.
    """

    __slots__ = ("_limiter", "_quotas", "_together")

    def __init__(
        self, limiter: RateLimiter | None, quotas: QuotaKeeper | None, together: Together | None = None
    ) -> None:
        """Ask for both by one question where `together` can."""
        self._limiter = limiter
        self._quotas = quotas
        self._together = together

    def ask(
        self,
        asked: Asked,
        access: ChatflowAccess | None,
        runs: Runs | None,
        then: Callable[[Decision | None], None],
    ) -> bool:
        """Ask what becomes of a call, and have `then` called with it later; None: await `take` for it.

        False: nothing is asked, `take` is to be awaited.
        """
        if self._together is None or not (asked.limits or asked.quotas):
            return False
        tokens = _tokens_at_once(asked, access, runs)
        if tokens is PENDING:
            return False
        return self._ask(self._together, asked, tokens, partial(_tell, asked, then))

    @staticmethod
    def _ask(together: Together, asked: Asked, tokens: int | None, told: Told) -> bool:
        if asked.ask is None:
            asked.ask = together(asked.limits, asked.quotas)
        return asked.ask(tokens, told)

    def at_once(
        self,
        asked: Asked,
        access: ChatflowAccess | None,
        runs: Runs | None,
    ) -> Decision | None:
        """Return what became of a call, or None when `take` has to be awaited: then nothing is taken.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        limiter, quotas = self._limiter, self._quotas
        if not (asked.limits or asked.quotas):
            return Allowed(asked.record)
        if limiter is None or (asked.quotas and quotas is None):
            return not_counted(asked.record)
        if quotas is None or not asked.quotas:
            taken = limiter.at_once(asked.limits)
            return None if taken is PENDING else limited(asked, taken)
        return _of_both_at_once(limiter, quotas, asked, access, runs)

    async def take(
        self,
        asked: Asked,
        access: ChatflowAccess | None,
        runs: Runs | None,
    ) -> Decision:
        """Return what became of a call.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        limiter, quotas = self._limiter, self._quotas
        if not (asked.limits or asked.quotas):
            return Allowed(asked.record)
        if limiter is None or (asked.quotas and quotas is None):
            return not_counted(asked.record)
        tokens = await _tokens(asked, access, runs)
        if self._together is not None:
            found = await self._take_together(self._together, asked, tokens)
            if found is None and asked.limits and asked.quotas and quotas is not None:
                # What was not at hand then is loaded by this: others would see a call that is given back.
                await quotas.standing(asked.quotas)
                found = await self._take_together(self._together, asked, tokens)
            if found is not None:
                return found
        if quotas is None or not asked.quotas:
            return limited(asked, await limiter.take(asked.limits))
        return await _of_both(limiter, quotas, asked, tokens)

    async def _take_together(self, together: Together, asked: Asked, tokens: int | None) -> Decision | None:
        """Return what became of a call that was asked for, or None. Who leaves meanwhile reserves nothing."""
        told: asyncio.Future[tuple[Taken | None, Spent | None]] = asyncio.get_running_loop().create_future()
        if not self._ask(together, asked, tokens, partial(_settle, told)):
            return None
        try:
            taken, spent = await told
        except asyncio.CancelledError:
            if told.done() and not told.cancelled():
                _let_go(told.result()[1])
            raise
        return None if taken is None else _decided(asked, taken, spent)

    async def standing(self, scopes: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> Taken | None:
        """Return what is left of all of them, and take nothing; None: there are none, or nobody counts."""
        if self._limiter is None or not (scopes or quotas):
            return None
        left = await self._limiter.standing(scopes) if scopes else NOTHING
        if self._quotas is None or not quotas:
            return left if scopes else None
        return msgspec.structs.replace(left, spent=await self._quotas.standing(quotas))


def _tell(
    asked: Asked, then: Callable[[Decision | None], None], taken: Taken | None, spent: Spent | None
) -> None:
    then(None if taken is None else _decided(asked, taken, spent))


def _settle(
    told: "asyncio.Future[tuple[Taken | None, Spent | None]]", taken: Taken | None, spent: Spent | None
) -> None:
    if told.done():
        _let_go(spent)
    else:
        told.set_result((taken, spent))


def _let_go(spent: Spent | None) -> None:
    if spent is not None and spent.reserved is not None:
        spent.reserved.settle(0)


def _decided(asked: Asked, taken: Taken, spent: Spent | None) -> Decision:
    if spent is not None and spent.wait_seconds:
        return _used_up(asked, taken, spent)
    return limited(asked, taken, spent)


def _of_both_at_once(
    limiter: RateLimiter, quotas: QuotaKeeper, asked: Asked, access: ChatflowAccess | None, runs: Runs | None
) -> Decision | None:
    tokens = _tokens_at_once(asked, access, runs)
    spent = PENDING if tokens is PENDING else quotas.at_once(asked.quotas, tokens)
    if spent is PENDING:
        return None
    limits = asked.limits
    if spent.wait_seconds:
        left = limiter.standing_at_once(limits) if limits else NOTHING
        return None if left is PENDING else _used_up(asked, left, spent)
    taken = limiter.at_once(limits) if limits else NOTHING
    if taken is PENDING or taken.wait_seconds:
        spent = quotas.give_back(spent)
    return None if taken is PENDING else limited(asked, taken, spent)


async def _of_both(limiter: RateLimiter, quotas: QuotaKeeper, asked: Asked, tokens: int | None) -> Decision:
    limits = asked.limits
    spent = await quotas.take(asked.quotas, tokens)
    if spent.wait_seconds:
        left = await limiter.standing(limits) if limits else NOTHING
        return _used_up(asked, left, spent)
    try:
        taken = await limiter.take(limits) if limits else NOTHING
    except BaseException:
        quotas.give_back(spent)
        raise
    if taken.wait_seconds:
        spent = quotas.give_back(spent)
    return limited(asked, taken, spent)


def _tokens_at_once(
    asked: Asked, access: ChatflowAccess | None, runs: Runs | None
) -> int | Literal[Pending.PENDING] | None:
    """Return how many tokens a call reserves, None for one that uses none."""
    if runs is None or access is None or not _ask_tokens(asked.quotas):
        return None
    return runs.most_tokens_at_once(access)


async def _tokens(asked: Asked, access: ChatflowAccess | None, runs: Runs | None) -> int | None:
    if runs is None or access is None or not _ask_tokens(asked.quotas):
        return None
    return await runs.most_tokens(access)


def _ask_tokens(quotas: tuple[QuotaScope, ...]) -> bool:
    return bool(quotas) and (quotas[0][3].has_tokens or quotas[-1][3].has_tokens)


def _used_up(asked: Asked, left: Taken, spent: Spent) -> Denied:
    taken = Taken(left.scopes, left.owed, spent.wait_seconds, spent, asked.form)
    return Denied(Reason.QUOTA_EXCEEDED, asked.record, refusal_text(spent), taken=taken)


def limited(asked: Asked, taken: Taken, spent: Spent | None = None) -> Decision:
    """Return what a call is told that took of limits and of quotas, or that has to wait."""
    wait_seconds = taken.wait_seconds
    found = Taken(taken.scopes, taken.owed, wait_seconds, spent, asked.form)
    if wait_seconds:
        return Denied(Reason.RATE_LIMITED, asked.record, taken=found)
    return Allowed(asked.record, found)
