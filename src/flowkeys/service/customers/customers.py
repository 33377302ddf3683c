"""Every write to a customer goes through here, and so does every list of them."""

from collections.abc import Callable
from typing import Any

import msgspec

from flowkeys.domain.customers.customer import Customer, CustomerStatus
from flowkeys.domain.errors import Conflict, InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.listing import CustomerQuery, Page
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.customers.input import CustomerPatch, NewCustomer, checked
from flowkeys.service.forms.once import spend
from flowkeys.service.journal import record
from flowkeys.service.keys.of_customer import require_all, revoke_some
from flowkeys.service.limits import require_counted
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.quotas import QuotaViews

Expectation = Callable[[Customer], None]
"""Raises `InvalidInput` when a customer is not as its caller believes."""


class CustomerService:
    """Makes, lists, changes and ends customers."""

    def __init__(self, store: Store, clock: Clock, quotas: QuotaViews | None = None) -> None:
        """Keep customers in `store`; `quotas` know what this process has not stored yet."""
        self._store = store
        self._clock = clock
        self._quotas = quotas or QuotaViews()

    async def create(self, caller: Caller, new: NewCustomer, once: str | None = None) -> Customer:
        """Make a customer; `once` is the one-time value of the form that asks for it.

        Raises:
            AlreadySent: the form of `once` made a customer before, which the exception names.
            Forbidden: the caller lacks ``customers:create``.
            InvalidInput: a field is wrong, or the external id is another customer's.
        """
        caller.require("customers:create")
        now = self._clock()
        patch = checked(CustomerPatch(name=new.name, external_id=new.external_id, meta=new.meta))
        made = Customer(
            id=new_id(),
            workspace_id=caller.workspace_id,
            name=str(patch.name),
            external_id=_given(patch.external_id, None),
            meta=_given(patch.meta, {}),
            status=CustomerStatus.ACTIVE,
            created_at=now,
            updated_at=now,
            revoked_at=None,
            version=1,
            rate_limits=new.rate_limits,
            quotas=new.quotas,
        )

        def work(tx: Transaction) -> Customer:
            if once is not None:
                spend(tx, caller, once, made.id, now)
            _require_free(tx, made)
            require_counted(tx, now, made)
            tx.customers.insert(made)
            _record(tx, caller, now, "customer.create", None, made)
            return made

        return await self._store.write(work)

    async def get(self, caller: Caller, customer_id: str) -> Customer:
        """Return a customer, in any status.

        Raises:
            Forbidden: the caller lacks ``customers:view``.
            NotFound: the workspace has no such customer.
        """
        caller.require("customers:view")
        return self._quotas.of(await self._store.read(lambda tx: _get(tx, caller, customer_id)))

    async def page(self, caller: Caller, query: CustomerQuery) -> Page[Customer]:
        """Return the customers that match, of the caller's workspace whatever the query says."""
        caller.require("customers:view")
        own = msgspec.structs.replace(query, workspace_id=caller.workspace_id)
        found = await self._store.read(lambda tx: tx.customers.page(own))
        return Page(self._quotas.of_all(found.items), found.total)

    async def update(
        self, caller: Caller, customer_id: str, patch: CustomerPatch, expect: Expectation | None = None
    ) -> Customer:
        """Change what the patch names, if the customer is as the caller expects it in the same transaction.

        Raises:
            Forbidden: the caller lacks ``customers:update``, or changes limits or quotas and could not change
                those of each of its keys.
            InvalidInput: a field is wrong, the external id is another customer's, or this one is revoked.
            NotFound: the workspace has no such customer.
        """
        caller.require("customers:update")

        def change(tx: Transaction, customer: Customer) -> Customer:
            if expect is not None:
                expect(customer)
            cleaned = checked(patch)
            limits = _given(cleaned.rate_limits, customer.rate_limits)
            quotas = _given(cleaned.quotas, customer.quotas)
            if (limits, quotas) != (customer.rate_limits, customer.quotas):
                require_all(tx, caller, customer_id, "apikeys:update")
            require_counted(tx, self._clock(), cleaned, customer)
            return msgspec.structs.replace(
                customer,
                name=_given(cleaned.name, customer.name),
                external_id=_given(cleaned.external_id, customer.external_id),
                meta=_given(cleaned.meta, customer.meta),
                rate_limits=limits,
                quotas=quotas,
            )

        return await self._change(caller, customer_id, "customer.update", change)

    async def disable(self, caller: Caller, customer_id: str) -> Customer:
        """Refuse all keys of a customer until it is enabled again.

        Raises:
            Forbidden: the caller lacks ``customers:update``, or could not disable each of its keys.
            InvalidInput: the customer is revoked.
            NotFound: the workspace has no such customer.
        """
        return await self._set_status(caller, customer_id, CustomerStatus.DISABLED, "customer.disable")

    async def enable(self, caller: Caller, customer_id: str) -> Customer:
        """Accept a customer's keys again, but for those that were disabled themselves.

        It raises what `disable` does.
        """
        return await self._set_status(caller, customer_id, CustomerStatus.ACTIVE, "customer.enable")

    async def revoke(self, caller: Caller, customer_id: str) -> Customer:
        """End a customer and all of its keys for good; their rows, names and histories stay.

        From the first commit on none of its keys is accepted. They are marked one by one behind it; where
        that is interrupted, the next call goes on.

        Raises:
            Forbidden: the caller lacks ``customers:delete``, or could not revoke each of its keys.
            NotFound: the workspace has no such customer.
        """
        caller.require("customers:delete")
        now = self._clock()

        def end(tx: Transaction) -> None:
            customer = _get(tx, caller, customer_id)
            require_all(tx, caller, customer_id, "apikeys:delete")
            if customer.status is not CustomerStatus.REVOKED:
                revoked = msgspec.structs.replace(customer, status=CustomerStatus.REVOKED, revoked_at=now)
                _save(tx, caller, now, "customer.revoke", customer, revoked)

        await self._store.write(end)
        while await self._store.write(lambda tx: revoke_some(tx, caller, customer_id, now)):
            pass
        return await self._store.read(lambda tx: _get(tx, caller, customer_id))

    async def delete(self, caller: Caller, customer_id: str) -> None:
        """Delete a customer that has no keys, or revoked ones alone, which are nobody's then.

        Raises:
            Conflict: ``customer_has_keys``: it has keys that are not revoked.
            Forbidden: the caller lacks ``customers:delete``.
            NotFound: the workspace has no such customer.
        """
        caller.require("customers:delete")
        now = self._clock()

        def work(tx: Transaction) -> None:
            customer = _get(tx, caller, customer_id)
            if tx.customers.live_keys(caller.workspace_id, customer_id, 1):
                raise Conflict("customer_has_keys", _keys_left(customer.key_count))
            tx.customers.delete(caller.workspace_id, customer_id)
            _record(tx, caller, now, "customer.delete", customer, None)

        await self._store.write(work)

    async def _set_status(
        self, caller: Caller, customer_id: str, status: CustomerStatus, action: str
    ) -> Customer:
        caller.require("customers:update")

        def change(tx: Transaction, customer: Customer) -> Customer:
            require_all(tx, caller, customer_id, "apikeys:update")
            return msgspec.structs.replace(customer, status=status)

        return await self._change(caller, customer_id, action, change)

    async def _change(
        self,
        caller: Caller,
        customer_id: str,
        action: str,
        change: Callable[[Transaction, Customer], Customer],
    ) -> Customer:
        now = self._clock()

        def work(tx: Transaction) -> Customer:
            customer = _get(tx, caller, customer_id)
            if customer.status is CustomerStatus.REVOKED:
                message = "A revoked customer stays revoked, and as it is. Create a new one instead."
                raise InvalidInput.of("status", message)
            return _save(tx, caller, now, action, customer, change(tx, customer))

        return self._quotas.of(await self._store.write(work))


def _keys_left(keys: int) -> str:
    has = "a key that is" if keys == 1 else f"{keys} keys that are"
    return f"The customer has {has} not revoked. Revoke the customer first, or its keys."


def _get(tx: Transaction, caller: Caller, customer_id: str) -> Customer:
    customer = tx.customers.get(caller.workspace_id, customer_id)
    if customer is None:
        raise NotFound("customer")
    return customer


def _save(
    tx: Transaction, caller: Caller, now: int, action: str, before: Customer, changed: Customer
) -> Customer:
    """Write a changed customer with its rows in the journal, or nothing when nothing is different."""
    if changed == before:
        return before
    if changed.external_id != before.external_id:
        _require_free(tx, changed)
    after = msgspec.structs.replace(changed, updated_at=now, version=before.version + 1)
    tx.customers.update(after)
    _record(tx, caller, now, action, before, after)
    return after


def _require_free(tx: Transaction, customer: Customer) -> None:
    if customer.external_id is None:
        return
    other = tx.customers.find(customer.workspace_id, customer.external_id)
    if other is not None and other.id != customer.id:
        message = f"This is the external id of another customer here, {other.name}."
        raise InvalidInput.of("externalId", message)


def _record(
    tx: Transaction, caller: Caller, now: int, action: str, before: Customer | None, after: Customer | None
) -> None:
    subject = after or before
    assert subject is not None
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.CUSTOMER,
        subject_id=subject.id,
        version=subject.version if after is not None else subject.version + 1,
        before=None if before is None else _for_people(before),
        after=None if after is None else _for_people(after),
    )


def _for_people(customer: Customer) -> dict[str, object]:
    return {
        "name": customer.name,
        "externalId": customer.external_id,
        "meta": customer.meta,
        "status": customer.status.value,
        "rateLimits": [str(rate) for rate in customer.rate_limits],
        "quotas": [str(quota) for quota in customer.quotas],
    }


def _given(value: Any, otherwise: Any) -> Any:
    return otherwise if isinstance(value, msgspec.UnsetType) else value
