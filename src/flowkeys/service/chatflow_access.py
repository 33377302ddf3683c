"""Binding and unbinding: the one place where it changes who may call a chatflow.

Binding protects, so it ends being public. Unbinding never opens: a chatflow without keys answers nobody.
A binding is a fact about both ends, so the key's version moves too and its cached record is evicted.
"""

import msgspec

from flowkeys.domain.api_key import Status
from flowkeys.domain.chatflow import Chatflow
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Transaction


def bind(
    tx: Transaction, caller: Caller, chatflow: Chatflow, key_id: str, now: int, field: str = "chatflowIds"
) -> None:
    """Bind a key to a chatflow and make the chatflow private.

    Raises:
        Forbidden: the key holds more than the caller does.
        InvalidInput: naming `field`: the workspace has no such key, or it is revoked.
    """
    key = tx.keys.get(caller.workspace_id, key_id)
    if key is None or key.status is Status.REVOKED:
        raise InvalidInput.of(field, "There is no such key, or it is revoked.")
    caller.require_ceiling(key.permissions)
    tx.bindings.add(caller.workspace_id, key_id, chatflow.id, now)
    _saved(tx, caller, chatflow, key_id, now, "chatflow.bind")


def unbind(tx: Transaction, caller: Caller, chatflow: Chatflow, key_id: str, now: int) -> None:
    """Unbind a key from a chatflow, which stays as closed as it was."""
    tx.bindings.remove(caller.workspace_id, key_id, chatflow.id)
    _saved(tx, caller, chatflow, key_id, now, "chatflow.unbind")


def _saved(tx: Transaction, caller: Caller, chatflow: Chatflow, key_id: str, now: int, action: str) -> None:
    current = tx.chatflows.get(caller.workspace_id, chatflow.id)
    key = tx.keys.get(caller.workspace_id, key_id)
    if current is None or key is None:
        return
    public = current.is_public and action != "chatflow.bind"
    after = msgspec.structs.replace(current, is_public=public, updated_at=now, version=current.version + 1)
    tx.chatflows.update(after)
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.CHATFLOW,
        subject_id=chatflow.id,
        version=after.version,
        before={"isPublic": current.is_public, "apiKeyIds": list(chatflow.key_ids)},
        after={"isPublic": public, "apiKeyIds": list(after.key_ids)},
    )
    tx.keys.update(msgspec.structs.replace(key, version=key.version + 1))
    record(
        tx,
        caller,
        now,
        action=action.replace("chatflow.", "key."),
        subject=Subject.KEY,
        subject_id=key_id,
        version=key.version + 1,
        after={"chatflowIds": [item.id for item in key.chatflows]},
    )
