"""Explaining a decision to whoever manages keys. Nothing is counted, and nothing of the token is kept."""

from typing import Final

from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import AccessRequest, Allowed, Decision, Denied, Reason
from flowkeys.domain.keys.explain import NOT_LOOKED_AT, Explanation, Presented, Step, explain
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.pasted import mistake
from flowkeys.domain.keys.token import Token
from flowkeys.domain.limits.gcra import CUSTOMER
from flowkeys.domain.limits.quota import Unit
from flowkeys.domain.limits.quota_fields import each_of
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import Clock, to_iso
from flowkeys.service.keys.spending import quota_scopes_of
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.quotas import QuotaKeeper
from flowkeys.service.ports.verification import ChatflowDirectory, Keys, UsageRecorder

_QUOTA: Final = "quota"


class Explainer:
    """Says step by step why a token is good or refused."""

    def __init__(
        self,
        keys: Keys,
        directory: ChatflowDirectory,
        usage: UsageRecorder,
        clock: Clock,
        quotas: QuotaKeeper | None = None,
    ) -> None:
        """Without `quotas` nothing is said of them."""
        self._quotas = quotas
        self._keys = keys
        self._directory = directory
        self._usage = usage
        self._clock = clock

    async def explain(self, text: str, request: AccessRequest, client: Client | None = None) -> Explanation:
        """Return the verifier's decision about `text` for `request` of `client`, with its steps.

        No use is counted.

        Raises:
            Unavailable: the store cannot be reached.
        """
        now = self._clock()
        token = Token.parse(text)
        if token is None:
            presented = Presented(None, mistake=mistake(text) or "")
            steps = explain(presented, request, now, client)
            return Explanation(UNKNOWN, (*steps, Step(_QUOTA, None, NOT_LOOKED_AT)), None)
        verifier = Verifier(self._keys, self._directory, self._usage, lambda: now)
        decision = await verifier.verify(token, request, client, counts=False)
        record = decision.record
        opens_to_all = False
        if record is not None and request.chatflow_id is not None:
            access = await self._directory.access(request.chatflow_id)
            opens_to_all = (
                access is not None and access.is_public and access.workspace_id == record.workspace_id
            )
        presented = Presented(token.hint, record, opens_to_all=opens_to_all)
        step = await self._quota(decision)
        if isinstance(decision, Allowed) and step.ok is False:
            decision = Denied(Reason.QUOTA_EXCEEDED, decision.record, step.detail)
        return Explanation(decision, (*explain(presented, request, now, client), step), token.hint)

    async def _quota(self, decision: Decision) -> Step:
        """Return the last step, which is decided beside the others: a call takes of quotas."""
        if not isinstance(decision, Allowed):
            return Step(_QUOTA, None, NOT_LOOKED_AT)
        scopes = quota_scopes_of(decision.record)
        if not scopes or self._quotas is None:
            return Step(_QUOTA, ok=True, detail="The key has no quota.")
        return told_of(await self._quotas.standing(scopes))


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
