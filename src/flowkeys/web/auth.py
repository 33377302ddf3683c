"""From a request's one credential to a caller: a key's token, or the cookie of a person who is signed in."""

from starlette.types import Scope

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.bearer import read_credential
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Denied, Reason
from flowkeys.domain.principal import Caller, Principal
from flowkeys.web.errors import Refused, problem
from flowkeys.web.requests import sign_in_cookie
from flowkeys.web.requests.context import context_of
from flowkeys.web.requests.origin import SAFE_METHODS
from flowkeys.web.services import Services


async def authenticate(
    services: Services,
    scope: Scope,
    permission: str | None,
    *,
    counts: bool = True,
    from_anywhere: bool = False,
) -> Caller:
    """Return who is calling. A cookie beside a bearer header is ignored.

    A key that is let in was used, unless `counts` is False. With `from_anywhere` one is let in whatever
    network it is used from: the handler decides about that.

    Raises:
        Refused: there is no credential, it is not good, or it lacks `permission`; or a cookie came with
            a call that changes something and was not made by our own pages.
        Unavailable: the store cannot be reached.
    """
    credential = read_credential(scope["headers"])
    context = context_of(scope)
    if isinstance(credential, Denied):
        if credential.reason is Reason.MISSING_CREDENTIALS and permission is not None:
            person = await _person(services, scope)
            if person is not None:
                person.require(permission)
                return person
        raise Refused(services.refusals.refuse(credential, context.address))
    request = ANYTHING if permission is None else AccessRequest(permissions=(permission,))
    decision = await services.verifier.verify(credential, request, context.client, counts=counts)
    if decision.record is not None:
        context.calls(decision.record)
    if isinstance(decision, Denied):
        record = decision.record
        if not from_anywhere or record is None or decision.reason is not Reason.IP_NOT_ALLOWED:
            raise Refused(services.refusals.refuse(decision, context.address))
        return Caller(principal_of(record), context.address, context.request_id, services.uses)
    return Caller(principal_of(decision.record), context.address, context.request_id, services.uses)


def principal_of(record: KeyRecord) -> Principal:
    """Return the principal that a verified key is."""
    return Principal("key", record.key_id, record.name, record.workspace_id, record.permissions)


async def _person(services: Services, scope: Scope) -> Caller | None:
    secret = sign_in_cookie.read(scope, services.public_urls.asked(scope))
    found = None if secret is None else await services.sign_ins.find(secret)
    if found is None:
        return None
    if scope["method"] not in SAFE_METHODS and not services.public_urls.made(scope):
        raise Refused(problem("cross_site"))
    context = context_of(scope)
    context.facts["person_id"] = found.person.id
    return Caller(found.person.as_principal(), context.address, context.request_id)
