"""Keys whose server secret is lost: nobody can use them any more."""

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.changes import get_key, save, with_status
from flowkeys.service.ports.store import Transaction


def revoke_made_under(tx: Transaction, secret_id: str, now: int) -> int:
    """Revoke, as the operator, all workspaces' keys whose secret is lost; return how many there were."""
    found = tx.keys.ids_by_secret(secret_id, now)
    for workspace_id, key_id in found:
        caller = Caller(operator(workspace_id))
        key = get_key(tx, caller, key_id)
        save(tx, caller, now, "key.revoke", key, with_status(key, Status.REVOKED))
    return len(found)
