"""What a call takes of rate limits and quotas: of all of them, or of none."""

import msgspec

from flowkeys.domain.addresses import network_of
from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Allowed, Decision, Denied, Reason
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.gcra import ADDRESS, BINDING, CHATFLOW, CUSTOMER, KEY, NOTHING, Scope, Taken
from flowkeys.domain.limits.quota_fields import refusal_text
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.service.ports.limits import RateLimiter
from flowkeys.service.ports.quotas import QuotaKeeper, Runs
from flowkeys.service.ports.verification import PENDING


def scopes_of(
    record: KeyRecord | None, access: ChatflowAccess | None, client: Client | None
) -> tuple[Scope, ...]:
    """Return every limit that applies to a call.

    Those of the key, of the key on the chatflow, of the key's customer, and of the chatflow.
    """
    terms = None if record is None else record.terms
    if record is not None and terms is not None and _has_its_own_alone(terms, access):
        return () if terms.limits is None else ((KEY, record.key_id, terms.limits),)
    found: list[Scope] = []
    if record is not None and terms is not None:
        if terms.limits is not None:
            found.append((KEY, record.key_id, terms.limits))
        if terms.bindings is not None and access is not None:
            own = terms.bindings.get(access.id)
            if own is not None:
                found.append((BINDING, f"{record.key_id}\n{access.id}", own))
        customer = terms.customer
        if customer is not None and customer.limits is not None:
            found.append((CUSTOMER, customer.id, customer.limits))
    if access is not None:
        if access.limits is not None:
            found.append((CHATFLOW, access.id, access.limits))
        rules = access.visitors
        if rules is not None and rules.limits is not None:
            address = network_of(None if client is None else client.address())
            found.append((ADDRESS, f"{access.id}\n{address}", rules.limits))
    return tuple(found)


def _has_its_own_alone(terms: Terms, access: ChatflowAccess | None) -> bool:
    """Tell whether no limits but a key's own may apply to a call of it: that is most common."""
    if terms.bindings is not None or (terms.customer is not None and terms.customer.limits is not None):
        return False
    return access is None or (access.limits is None and access.visitors is None)


def quota_scopes_of(record: KeyRecord) -> tuple[QuotaScope, ...]:
    """Return the quotas that apply to calls with a key: its own, and its customer's."""
    terms = record.terms
    if terms is None:
        return ()
    customer = terms.customer
    if customer is None or customer.quotas is None:
        if terms.quotas is None:
            return ()
        return ((KEY, record.key_id, record.workspace_id, terms.quotas),)
    theirs = CUSTOMER, customer.id, record.workspace_id, customer.quotas
    if terms.quotas is None:
        return (theirs,)
    return (KEY, record.key_id, record.workspace_id, terms.quotas), theirs


def not_counted(record: KeyRecord) -> Denied:
    """Return the refusal of a call that is to be counted where nobody counts."""
    return Denied(Reason.LIMITS_NOT_COUNTED, record)


class LimitsAndQuotas:
    """Takes of both for calls with a key that has quotas, or whose customer has.

    Quotas first: what was taken of them can be given back when a rate limit refuses the call.
    """

    __slots__ = ("_limiter", "_quotas")

    def __init__(self, limiter: RateLimiter, quotas: QuotaKeeper) -> None:
        self._limiter = limiter
        self._quotas = quotas

    def at_once(
        self,
        record: KeyRecord,
        scopes: tuple[Scope, ...],
        quotas: tuple[QuotaScope, ...],
        access: ChatflowAccess | None,
        runs: Runs | None,
    ) -> Decision | None:
        """Return what became of a call, or None when `take` has to be awaited: then nothing is taken.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        tokens = None
        if runs is not None and access is not None and _ask_tokens(quotas):
            most = runs.most_tokens_at_once(access)
            if most is PENDING:
                return None
            tokens = most
        spent = self._quotas.at_once(quotas, tokens)
        if spent is PENDING:
            return None
        if spent.wait_seconds:
            left = self._limiter.standing_at_once(scopes) if scopes else NOTHING
            return None if left is PENDING else _used_up(record, left, spent)
        if not scopes:
            return Allowed(record, Taken((), (), spent=spent))
        taken = self._limiter.at_once(scopes)
        if taken is PENDING or taken.wait_seconds:
            spent = self._quotas.give_back(spent)
        return None if taken is PENDING else _limited(record, taken, spent)

    async def take(
        self,
        record: KeyRecord,
        scopes: tuple[Scope, ...],
        quotas: tuple[QuotaScope, ...],
        access: ChatflowAccess | None,
        runs: Runs | None,
    ) -> Decision:
        """Return what became of a call.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        tokens = None
        if runs is not None and access is not None and _ask_tokens(quotas):
            tokens = await runs.most_tokens(access)
        spent = await self._quotas.take(quotas, tokens)
        if spent.wait_seconds:
            left = await self._limiter.standing(scopes) if scopes else NOTHING
            return _used_up(record, left, spent)
        try:
            taken = await self._limiter.take(scopes) if scopes else NOTHING
        except BaseException:
            self._quotas.give_back(spent)
            raise
        if taken.wait_seconds:
            spent = self._quotas.give_back(spent)
        return _limited(record, taken, spent)

    async def standing(self, scopes: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> Taken:
        """Return what is left of all of them, and take nothing."""
        left = await self._limiter.standing(scopes) if scopes else NOTHING
        spent = await self._quotas.standing(quotas) if quotas else None
        return msgspec.structs.replace(left, spent=spent)


def _ask_tokens(quotas: tuple[QuotaScope, ...]) -> bool:
    return quotas[0][3].has_tokens or quotas[-1][3].has_tokens


def _used_up(record: KeyRecord, left: Taken, spent: Spent) -> Denied:
    taken = Taken(left.scopes, left.owed, spent.wait_seconds, spent)
    return Denied(Reason.QUOTA_EXCEEDED, record, refusal_text(spent), taken=taken)


def _limited(record: KeyRecord, taken: Taken, spent: Spent) -> Decision:
    found = Taken(taken.scopes, taken.owed, taken.wait_seconds, spent)
    return Denied(Reason.RATE_LIMITED, record, taken=found) if taken.wait_seconds else Allowed(record, found)
