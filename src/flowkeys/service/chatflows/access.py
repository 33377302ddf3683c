"""Binding and unbinding: the one place where it changes who may call a chatflow.

Binding protects, so it ends being public. Unbinding never opens: a chatflow without keys answers nobody.
A binding is a fact about both ends, so the key's version moves too and its cached record is evicted.
"""

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.errors import Forbidden, InvalidInput, NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.principal import Caller
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Transaction


def bind(
    tx: Transaction, caller: Caller, chatflow_id: str, key_id: str, now: int, field: str = "chatflowIds"
) -> None:
    """Bind a key to a chatflow and make the chatflow private; nothing happens when it is bound already.

    Raises:
        Forbidden: the key holds more than the caller does.
        InvalidInput: naming `field`: the workspace has no such key, or it is revoked.
    """
    before = find(tx, caller, chatflow_id)
    key = tx.keys.get(caller.workspace_id, key_id)
    alive = key is not None and key.status is not Status.REVOKED
    if key_id in before.key_ids and not (alive and before.is_public):
        return
    if key is None or not alive:
        raise InvalidInput.of(field, "There is no such key, or it is revoked.")
    caller.require_ceiling(key.permissions)
    tx.bindings.add(caller.workspace_id, key_id, chatflow_id, now)
    _save(tx, caller, before, key_id, now, action="bind", public=False)


def unbind(tx: Transaction, caller: Caller, chatflow_id: str, key_id: str, now: int) -> None:
    """Unbind a key from a chatflow, which stays as closed as it was; nothing happens when it is not bound.

    Raises:
        Forbidden: the key holds more than the caller does, or is limited on the chatflow and the caller may
            not change limits. A revoked key can always be unbound.
    """
    before = find(tx, caller, chatflow_id)
    if key_id not in before.key_ids:
        return
    key = tx.keys.get(caller.workspace_id, key_id)
    if key is not None and key.status is not Status.REVOKED:
        caller.require_ceiling(key.permissions)
        _require_may_free(caller, key, chatflow_id)
    release(tx, caller, before, key_id, now)


def is_limited(key: ApiKey, chatflow_id: str) -> bool:
    """Tell whether unbinding would take a limit away: that of the key on this chatflow."""
    return any(item.id == chatflow_id and item.rate_limits for item in key.chatflows)


def _require_may_free(caller: Caller, key: ApiKey, chatflow_id: str) -> None:
    """Raise `Forbidden` when unbinding takes a limit away which the caller could not have changed.

    Bound anew, the key would be without it.
    """
    if is_limited(key, chatflow_id) and not caller.holds("apikeys:update"):
        raise Forbidden(
            f"The key {key.id} has a rate limit on this chatflow, which would be gone with the binding: "
            "unbinding it needs the permission apikeys:update, too.",
            "apikeys:update",
        )


def release(tx: Transaction, caller: Caller, before: Chatflow, key_id: str, now: int) -> None:
    """Unbind a key whatever it holds: for a chatflow that is about to be deleted."""
    tx.bindings.remove(caller.workspace_id, key_id, before.id)
    _save(tx, caller, before, key_id, now, action="unbind", public=before.is_public)


def find(tx: Transaction, caller: Caller, chatflow_id: str) -> Chatflow:
    """Return a chatflow of the caller's workspace.

    Raises:
        NotFound: it has no such chatflow.
    """
    chatflow = tx.chatflows.get(caller.workspace_id, chatflow_id)
    if chatflow is None:
        raise NotFound("chatflow")
    return chatflow


def _save(
    tx: Transaction, caller: Caller, before: Chatflow, key_id: str, now: int, *, action: str, public: bool
) -> None:
    """Move both versions on, each with its rows in the journal."""
    bound = find(tx, caller, before.id)
    after = msgspec.structs.replace(bound, is_public=public, updated_at=now, version=before.version + 1)
    tx.chatflows.update(after)
    record(
        tx,
        caller,
        now,
        action=f"chatflow.{action}",
        subject=Subject.CHATFLOW,
        subject_id=before.id,
        version=after.version,
        before={"isPublic": before.is_public, "apiKeyIds": list(before.key_ids)},
        after={"isPublic": public, "apiKeyIds": list(after.key_ids)},
    )
    key = tx.keys.get(caller.workspace_id, key_id)
    if key is not None:
        tx.keys.update(msgspec.structs.replace(key, updated_at=now, version=key.version + 1))
        record(
            tx,
            caller,
            now,
            action=f"key.{action}",
            subject=Subject.KEY,
            subject_id=key_id,
            version=key.version + 1,
            after={"chatflowIds": [item.id for item in key.chatflows]},
        )
