"""Keys and the customer that they belong to: which one a key may be given, and what is done to all of them.

Nobody disables, enables or revokes keys through a customer that they could not change one by one.
"""

from typing import Final

import msgspec
from msgspec import UnsetType

from flowkeys.domain.customers.customer import CustomerStatus, KeyCustomer
from flowkeys.domain.errors import Forbidden, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.permissions import covers
from flowkeys.domain.principal import Caller
from flowkeys.service.keys.bulk import set_status
from flowkeys.service.ports.store import Transaction

AT_ONCE: Final = 500
"""Keys that one transaction revokes: others want to write meanwhile."""


def chosen(
    tx: Transaction, caller: Caller, customer_id: str | UnsetType | None, key: ApiKey
) -> KeyCustomer | None:
    """Return the customer that a key is to belong to, or None when it is to be nobody's; not given: as now.

    Raises:
        Forbidden: that is another one than now, and the caller lacks ``customers:update``.
        InvalidInput: naming ``customerId``: the workspace has no such customer, or it was revoked.
    """
    if isinstance(customer_id, UnsetType) or customer_id == (
        None if key.customer is None else key.customer.id
    ):
        return key.customer
    caller.require("customers:update")
    if customer_id is None:
        return None
    found = tx.customers.get(caller.workspace_id, customer_id)
    if found is None:
        raise InvalidInput.of("customerId", f"There is no customer {customer_id[:64]!r} here.")
    if found.status is CustomerStatus.REVOKED:
        raise InvalidInput.of("customerId", f"The customer {found.name} was revoked. Choose another one.")
    return KeyCustomer(found.id, found.name, found.external_id, found.status)


def require_may_change(key: ApiKey) -> None:
    """See to it that a key was not revoked, itself or with its customer.

    Raises:
        InvalidInput: naming ``status``: it was.
    """
    if key.status is Status.REVOKED:
        raise InvalidInput.of("status", "A revoked key stays revoked. Create a new key instead.")
    if key.customer is not None and key.customer.status is CustomerStatus.REVOKED:
        message = "The key was revoked with its customer and stays so. Create a new key instead."
        raise InvalidInput.of("status", message)


def require_all(tx: Transaction, caller: Caller, customer_id: str, permission: str) -> None:
    """See to it that the caller could do to each key of a customer what `permission` is needed for.

    Raises:
        Forbidden: the caller lacks it, or some of the keys hold more than the caller does.
    """
    held = tx.customers.permissions_of_keys(caller.workspace_id, customer_id)
    if not held:
        return
    caller.require(permission)
    for permissions in held:
        if not covers(caller.principal.permissions, permissions):
            lacking = min(permissions - caller.principal.permissions)
            message = f"Keys of this customer hold more than you do: {lacking}. Nothing was changed."
            raise Forbidden(message, lacking)
        caller.note_use(permissions)


def revoke_some(tx: Transaction, caller: Caller, customer_id: str, now: int) -> int:
    """Revoke keys of a customer that was revoked; return how many that were, none when none is left."""
    key_ids = tx.customers.live_keys(caller.workspace_id, customer_id, AT_ONCE)
    if key_ids:
        # By right of who revoked the customer, to whom all of its keys were open.
        everything = msgspec.structs.replace(caller.principal, permissions=frozenset({"*"}))
        by_right = msgspec.structs.replace(caller, principal=everything)
        set_status(tx, by_right, key_ids, Status.REVOKED, "key.revoke", now)
    return len(key_ids)
