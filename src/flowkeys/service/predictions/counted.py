"""An answer to a run of somebody else's is a call of who began it, and takes of that one's limits."""

from collections.abc import Sequence

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.customers.customer import Customer, KeyCustomer
from flowkeys.domain.keys.api_key import ApiKey, KeyRecord
from flowkeys.domain.keys.decision import Denied
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.gcra import Passed, Taken
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.domain.limits.stored import limits_from, quotas_from, quotas_to_store, to_store
from flowkeys.domain.predictions.execution import Execution
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.quotas import Runs
from flowkeys.service.ports.store import Store, Transaction

_NOBODY = KnownClient(None)


class Counted(msgspec.Struct, frozen=True):
    """A call that was let in."""

    record: KeyRecord | None = None
    """The key whose call it is; None: it was begun without one, or with one that is not accepted any more."""
    taken: Taken | Passed | None = None
    """What it took of limits and quotas."""


class CountedAnswers:
    """Counts answers as calls."""

    def __init__(self, store: Store, verifier: Verifier, runs: Runs) -> None:
        self._store = store
        self._verifier = verifier
        self._runs = runs

    async def take(self, item: Execution, access: ChatflowAccess, now: int) -> Counted | Denied:
        """Take one call of the limits and quotas of who began a run, and of the chatflow's.

        A person who tries a chatflow has none. Limits for each address are not asked: who answers is not who
        called.

        Raises:
            Unavailable: the store, or whoever counts, cannot be reached.
        """
        if item.person_id is not None:
            return Counted()
        record = await self._began(item, now)
        called = msgspec.structs.replace(access, visitors=None)
        if record is None:
            visit = await self._verifier.visit(called, _NOBODY)
            if isinstance(visit, Denied):
                return msgspec.structs.replace(visit, text=None)  # which is for visitors
            return Counted(taken=visit)
        decision = await self._verifier.take(record, called, None, self._runs)
        return decision if isinstance(decision, Denied) else Counted(record, decision.taken)

    async def _began(self, item: Execution, now: int) -> KeyRecord | None:
        key_id = item.key_id
        if key_id is None:
            return None

        def read(tx: Transaction) -> tuple[ApiKey | None, Customer | None]:
            key = tx.keys.get(item.workspace_id, key_id)
            whose = None if key is None else key.customer
            return key, None if whose is None else tx.customers.get(item.workspace_id, whose.id)

        key, customer = await self._store.read(read)
        return _record(key, customer) if key is not None and key.is_accepted_at(now) else None


def _record(key: ApiKey, customer: Customer | None) -> KeyRecord:
    """Return a key as verification knows it, which looks keys up by their tokens alone."""
    bindings = {item.id: limits for item in key.chatflows if (limits := _limits(item.rate_limits))}
    terms = Terms(
        customer=None if customer is None else _of_key(customer),
        limits=_limits(key.rate_limits),
        bindings=bindings or None,
        quotas=quotas_from(quotas_to_store(key.quotas)),
    )
    return KeyRecord.of(
        key_id=key.id,
        workspace_id=key.workspace_id,
        name=key.name,
        permissions=key.permissions,
        expires_at=key.expires_at,
        chatflow_ids=tuple(item.id for item in key.chatflows),
        terms=terms,
    )


def _of_key(customer: Customer) -> KeyCustomer:
    return KeyCustomer(
        id=customer.id,
        name=customer.name,
        external_id=customer.external_id,
        status=customer.status,
        limits=_limits(customer.rate_limits),
        quotas=quotas_from(quotas_to_store(customer.quotas)),
    )


def _limits(rates: Sequence[RateLimit]) -> Limits | None:
    return limits_from(to_store(rates))
