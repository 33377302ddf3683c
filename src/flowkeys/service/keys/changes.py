"""What every change of a key consists of: it is found, written when something is different, and recorded."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.keys.rotation import Rotation
from flowkeys.domain.keys.token import mask
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import to_iso
from flowkeys.service.chatflows.access import bind, unbind
from flowkeys.service.journal import record
from flowkeys.service.keys.policies import enforce
from flowkeys.service.limits import require_counted_as
from flowkeys.service.ports.store import Transaction
from flowkeys.service.webhooks.announcing import OF_ACTIONS, announce_key

T = TypeVar("T")


def save(tx: Transaction, caller: Caller, now: int, action: str, before: ApiKey, changed: ApiKey) -> ApiKey:
    """Write a changed key with its rows in the journal, or nothing when nothing is different."""
    current = get_key(tx, caller, before.id)
    if changed == before and current.chatflows == before.chatflows:
        return before
    enforce(tx, before, changed, now)
    revoked_at = now if changed.status is Status.REVOKED else None
    tx.keys.update(
        msgspec.structs.replace(changed, updated_at=now, revoked_at=revoked_at, version=current.version + 1)
    )
    after = get_key(tx, caller, before.id)
    record_change(tx, caller, now, action, before, after)
    return after


def get_key(tx: Transaction, caller: Caller, key_id: str) -> ApiKey:
    """Return a key of the caller's workspace, in any status.

    Raises:
        NotFound: it has no such key.
    """
    key = tx.keys.get(caller.workspace_id, key_id)
    if key is None:
        raise NotFound("key")
    return key


def set_chatflows(
    tx: Transaction, caller: Caller, key: ApiKey, chatflow_ids: Sequence[str], now: int
) -> None:
    """Make `chatflow_ids` the whole set of chatflows that the key opens.

    Raises:
        Forbidden: the set changes and the caller lacks ``chatflows:update``, or holds less than the key.
        InvalidInput: naming ``chatflowIds``: the workspace has no such chatflow.
    """
    wanted = dict.fromkeys(chatflow_ids)
    bound = {item.id for item in key.chatflows}
    if bound == wanted.keys():
        return
    caller.require("chatflows:update")
    for chatflow_id in wanted:
        if tx.chatflows.get(caller.workspace_id, chatflow_id) is None:
            raise InvalidInput.of("chatflowIds", f"There is no chatflow {chatflow_id[:64]!r} here.")
    for chatflow_id in wanted:
        bind(tx, caller, chatflow_id, key.id, now)
    for chatflow_id in bound - wanted.keys():
        unbind(tx, caller, chatflow_id, key.id, now)


def set_binding_limits(
    tx: Transaction, caller: Caller, key: ApiKey, limits: Mapping[str, tuple[RateLimit, ...]], now: int
) -> None:
    """Say how often the key may call some of the chatflows that it opens now.

    Raises:
        Forbidden: a limit changes and the caller lacks ``chatflows:update``.
        InvalidInput: naming ``chatflows``: the key does not open one of them.
    """
    bound = {item.id: item for item in get_key(tx, caller, key.id).chatflows} if limits else {}
    for chatflow_id, rates in limits.items():
        item = bound.get(chatflow_id)
        if item is None:
            raise InvalidInput.of("chatflows", f"The key does not open the chatflow {chatflow_id[:64]!r}.")
        if item.rate_limits != rates:
            caller.require("chatflows:update")
            require_counted_as("rateLimits", tx, now, rates)
            tx.bindings.limit(caller.workspace_id, key.id, chatflow_id, rates)


def with_status(key: ApiKey, status: Status) -> ApiKey:
    """Return the key with another status."""
    return msgspec.structs.replace(key, status=status)


def given(value: T | msgspec.UnsetType, otherwise: T) -> T:
    """Return a patch's value, or what stands where the patch says nothing."""
    return otherwise if isinstance(value, msgspec.UnsetType) else value


def record_change(
    tx: Transaction, caller: Caller, now: int, action: str, before: ApiKey | None, after: ApiKey
) -> None:
    """Write a change of a key to the journal, with what people may read of it, and announce it."""
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.KEY,
        subject_id=after.id,
        version=after.version,
        before=None if before is None else _for_people(before),
        after=_for_people(after),
    )
    if event := OF_ACTIONS.get(action):
        told = {}
        if action == "key.rotate" and after.rotation is not None:
            told = {"oldTokenEndsAt": to_iso(after.rotation.ends_at)}
        announce_key(tx, event, after, now, caller.principal.as_creator(), **told)


def _for_people(key: ApiKey) -> dict[str, object]:
    return {
        "keyName": key.name,
        "apiKey": mask(key.hint),
        "permissions": sorted(key.permissions),
        "status": key.status.value,
        "expiresAt": None if key.expires_at is None else to_iso(key.expires_at),
        "note": key.note,
        "allowedIps": list(key.allowed_ips),
        "customerId": None if key.customer is None else key.customer.id,
        "rateLimits": [str(rate) for rate in key.rate_limits],
        "quotas": [str(quota) for quota in key.quotas],
        "chatflowIds": [item.id for item in key.chatflows],
        "chatflowRateLimits": {
            item.id: [str(rate) for rate in item.rate_limits] for item in key.chatflows if item.rate_limits
        },
        "rotation": None if key.rotation is None else _rotation_for_people(key.rotation),
    }


def _rotation_for_people(rotation: Rotation) -> dict[str, object]:
    return {
        "apiKey": mask(rotation.hint),
        "startedAt": to_iso(rotation.started_at),
        "endsAt": to_iso(rotation.ends_at),
        "finishWhenUnusedSeconds": rotation.finish_when_unused_seconds,
    }
