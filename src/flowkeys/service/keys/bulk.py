"""Disabling, enabling and revoking many keys: all of them in one transaction, or none."""

from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.errors import FieldError, Forbidden, InvalidInput, PolicyViolated
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.permissions import covers
from flowkeys.domain.principal import Caller
from flowkeys.service.keys.changes import record_change
from flowkeys.service.keys.policies import enforce
from flowkeys.service.ports.store import Transaction

MAX_KEYS: Final = 1000
"""Keys that one call may name."""
_SHOWN: Final = 3
"""Keys that a refusal names; it says how many there are."""


class BulkResult(msgspec.Struct, frozen=True):
    """What became of the keys that were named."""

    affected: int
    """How many were changed."""
    unchanged: int
    """How many were so already."""
    skipped: tuple[str, ...] = ()
    """The ids of revoked keys, which can be neither disabled nor enabled."""


def checked_ids(key_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids, each once.

    Raises:
        InvalidInput: naming ``ids``: there is none, or there are too many.
    """
    ids = tuple(dict.fromkeys(key_ids))
    if not 0 < len(ids) <= MAX_KEYS:
        raise InvalidInput.of("ids", f"Name 1 to {MAX_KEYS} keys.")
    return ids


def set_status(
    tx: Transaction, caller: Caller, key_ids: Sequence[str], status: Status, action: str, now: int
) -> BulkResult:
    """Give all the keys a status, each with its rows in the journal.

    Raises:
        Forbidden: some of the keys hold more than the caller does.
        InvalidInput: naming ``ids``: the workspace does not have some of the keys, or (`PolicyViolated`) a
            policy forbids that one of them is enabled.
    """
    keys = all_of(tx, caller, key_ids)
    _require_ceiling(caller, keys)
    unchanged, skipped = 0, []
    for key in keys:
        if key.status is status:
            unchanged += 1
        elif key.status is Status.REVOKED or (status is not Status.REVOKED and _ended_with_customer(key)):
            skipped.append(key.id)
        else:
            after = msgspec.structs.replace(
                key,
                status=status,
                updated_at=now,
                revoked_at=now if status is Status.REVOKED else None,
                version=key.version + 1,
            )
            _enforce(tx, key, after, now)
            tx.keys.update(after)
            record_change(tx, caller, now, action, key, after)
    return BulkResult(len(keys) - unchanged - len(skipped), unchanged, tuple(skipped))


def all_of(tx: Transaction, caller: Caller, key_ids: Sequence[str]) -> list[ApiKey]:
    """Return the keys, in the order of the ids.

    Raises:
        InvalidInput: naming ``ids``: the workspace does not have some of the keys.
    """
    keys = tx.keys.some(caller.workspace_id, key_ids)
    found = {key.id for key in keys}
    unknown = [key_id for key_id in key_ids if key_id not in found]
    if unknown:
        named = _named([repr(key_id[:64]) for key_id in unknown])
        raise InvalidInput.of("ids", f"There is no key {named} here. Nothing was changed.")
    return keys


def _enforce(tx: Transaction, key: ApiKey, after: ApiKey, now: int) -> None:
    try:
        enforce(tx, key, after, now)
    except PolicyViolated as refused:
        said = " ".join(error.message for error in refused.errors)
        message = f"{key.name!r} ({key.hint}): {said} Nothing was changed."
        raise PolicyViolated(refused.policies, FieldError("ids", message)) from None


def _require_ceiling(caller: Caller, keys: Sequence[ApiKey]) -> None:
    held = caller.principal.permissions
    above = [key for key in keys if not covers(held, key.permissions)]
    if above:
        named = _named([f"{key.name!r} ({key.hint})" for key in above])
        what = "key holds" if len(above) == 1 else "keys hold"
        lacking = min(above[0].permissions - held)
        raise Forbidden(f"{len(above)} {what} more than you do: {named}. Nothing was changed.", lacking)
    for key in keys:
        caller.note_use(key.permissions)


def _ended_with_customer(key: ApiKey) -> bool:
    return key.customer is not None and key.customer.status is CustomerStatus.REVOKED


def _named(items: Sequence[str]) -> str:
    more = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
