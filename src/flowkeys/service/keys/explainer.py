"""Explaining a decision to whoever manages keys. Nothing is counted, and nothing of the token is kept."""

from typing import Final

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import AccessRequest, Allowed, Decision, Denied, Reason
from flowkeys.domain.keys.explain import NOT_LOOKED_AT, Explanation, Presented, Step, explain
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.pasted import mistake
from flowkeys.domain.keys.token import Token
from flowkeys.domain.limits.gcra import ADDRESS, BINDING, CHATFLOW, CUSTOMER, KEY, Taken, rates
from flowkeys.domain.limits.quota import Unit
from flowkeys.domain.limits.quota_fields import each_of
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import Clock, to_iso
from flowkeys.service.keys.asked import quota_scopes_of, scopes_of
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.limits import RateLimiter
from flowkeys.service.ports.quotas import QuotaKeeper
from flowkeys.service.ports.verification import ChatflowDirectory, Keys, UsageRecorder

_LIMIT: Final = "limit"
_QUOTA: Final = "quota"
_WHOSE: Final = {
    KEY: "",
    BINDING: "on the chatflow ",
    CUSTOMER: "of its customer ",
    CHATFLOW: "of the chatflow ",
    ADDRESS: "for its address ",
}
"""Whose a limit is, in front of what is left of it."""


class Explainer:
    """Says step by step why a token is good or refused."""

    def __init__(
        self,
        keys: Keys,
        directory: ChatflowDirectory,
        usage: UsageRecorder,
        clock: Clock,
        quotas: QuotaKeeper | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        """Without `quotas` nothing is said of them, nor without `limiter` of rate limits."""
        self._quotas = quotas
        self._limiter = limiter
        self._keys = keys
        self._directory = directory
        self._usage = usage
        self._clock = clock

    async def explain(
        self, text: str, request: AccessRequest, client: Client | None = None, *, counts: bool = True
    ) -> Explanation:
        """Return the verifier's decision about `text` for `request` of `client`, with its steps.

        No use is counted. Unless this process `counts` calls, it does not know what is left of rate limits.

        Raises:
            Unavailable: the store cannot be reached.
        """
        now = self._clock()
        token = Token.parse(text)
        if token is None:
            presented = Presented(None, mistake=mistake(text) or "")
            steps = explain(presented, request, now, client)
            return Explanation(UNKNOWN, (*steps, *_not_looked_at(_LIMIT, _QUOTA)), None)
        verifier = Verifier(self._keys, self._directory, self._usage, lambda: now)
        decision = await verifier.verify(token, request, client, counts=False)
        record = decision.record
        opens_to_all = False
        access: ChatflowAccess | None = None
        if record is not None and request.chatflow_id is not None:
            access = await self._directory.access(request.chatflow_id)
            opens_to_all = (
                access is not None and access.is_public and access.workspace_id == record.workspace_id
            )
        presented = Presented(token.hint, record, opens_to_all=opens_to_all)
        limit = await self._limit(decision, access, client, counts=counts)
        if isinstance(decision, Allowed) and limit.ok is False:
            decision = Denied(Reason.RATE_LIMITED, decision.record, limit.detail)
        quota = await self._quota(decision)
        if isinstance(decision, Allowed) and quota.ok is False:
            decision = Denied(Reason.QUOTA_EXCEEDED, decision.record, quota.detail)
        return Explanation(decision, (*explain(presented, request, now, client), limit, quota), token.hint)

    async def _limit(
        self, decision: Decision, access: ChatflowAccess | None, client: Client | None, *, counts: bool
    ) -> Step:
        """Return the step of rate limits, which is decided beside the others: a call takes of them."""
        if not isinstance(decision, Allowed):
            return Step(_LIMIT, None, NOT_LOOKED_AT)
        scopes = scopes_of(decision.record, access, client)
        if not scopes or self._limiter is None:
            return Step(_LIMIT, ok=True, detail="No rate limit applies to the call.")
        if not counts:
            held = ", ".join(f"{_WHOSE[kind]}{rate}" for kind, _, limits in scopes for rate in limits.rates)
            detail = (
                f"Rate limits that apply: {held}. What is left of them only the running server knows: ask it "
                "over HTTP, with FLOWKEYS_URL and FLOWKEYS_API_KEY."
            )
            return Step(_LIMIT, ok=True, detail=detail)
        return left_of(await self._limiter.standing(scopes))

    async def _quota(self, decision: Decision) -> Step:
        """Return the last step, which is decided beside the others: a call takes of quotas."""
        if not isinstance(decision, Allowed):
            return Step(_QUOTA, None, NOT_LOOKED_AT)
        scopes = quota_scopes_of(decision.record)
        if not scopes or self._quotas is None:
            return Step(_QUOTA, ok=True, detail="The key has no quota.")
        return told_of(await self._quotas.standing(scopes))


def _not_looked_at(*steps: str) -> tuple[Step, ...]:
    return tuple(Step(step, None, NOT_LOOKED_AT) for step in steps)


def left_of(taken: Taken) -> Step:
    """Return what is left of rate limits now."""
    said = []
    is_good = True
    for kind, rate, calls, seconds in rates(taken):
        left = f"{calls} of {rate.burst}" if calls else f"none for {seconds} s"
        said.append(f"{_WHOSE[kind]}{rate}: {left}")
        is_good &= calls > 0
    return Step(_LIMIT, ok=is_good, detail=f"What is left: {'; '.join(said)}.")


def told_of(spent: Spent) -> Step:
    """Return what is left of quotas. One of tokens that is used up refuses models alone."""
    said = []
    is_good = True
    for kind, quota, left, resets_at in each_of(spent):
        whose = "its customer's " if kind == CUSTOMER else ""
        if left:
            said.append(f"{left} of {whose}{quota.amount} {quota.unit.value}/{quota.period} are left")
            continue
        said.append(
            f"{whose}{quota.amount} {quota.unit.value}/{quota.period} are used up until {to_iso(resets_at)}"
        )
        is_good &= quota.unit is not Unit.CALLS
    text = "; ".join(said)
    return Step(_QUOTA, ok=is_good, detail=f"{text[0].upper()}{text[1:]}.")
