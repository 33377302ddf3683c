"""From a request's one credential to a caller."""

from starlette.types import Scope

from flowkeys.domain.api_key import KeyRecord
from flowkeys.domain.bearer import read_bearer
from flowkeys.domain.decision import ANYTHING, AccessRequest, Denied
from flowkeys.domain.principal import Caller, Principal
from flowkeys.service.verifier import Verifier
from flowkeys.web.context import context_of
from flowkeys.web.errors import Refused, of_denial


async def authenticate(verifier: Verifier, scope: Scope, permission: str | None) -> Caller:
    """Return who is calling.

    Raises:
        Refused: there is no credential, it is not good, or it lacks `permission`.
        Unavailable: the store cannot be reached.
    """
    credential = read_bearer(scope["headers"])
    if isinstance(credential, Denied):
        raise Refused(of_denial(credential))
    request = ANYTHING if permission is None else AccessRequest(permission=permission)
    decision = await verifier.verify(credential, request)
    context = context_of(scope)
    if decision.record is not None:
        context.facts["key_id"] = decision.record.key_id
    if isinstance(decision, Denied):
        raise Refused(of_denial(decision, permission))
    return Caller(principal_of(decision.record), context.address, context.request_id)


def principal_of(record: KeyRecord) -> Principal:
    """Return the principal that a verified key is."""
    return Principal("key", record.key_id, record.name, record.workspace_id, record.permissions)
