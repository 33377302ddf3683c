"""The decision about one call: a pure function of the record, the request and the time."""

from enum import StrEnum
from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.gcra import Passed, Taken
from flowkeys.domain.permissions import ALL, PermissionSet


class Reason(StrEnum):
    """Why a credential was refused. The names are the `code` of the error body."""

    MISSING_CREDENTIALS = "missing_credentials"
    INVALID_REQUEST = "invalid_request"
    UNKNOWN_KEY = "unknown_key"
    EXPIRED_KEY = "expired_key"
    REVOKED_KEY = "revoked_key"
    DISABLED_KEY = "disabled_key"
    IP_NOT_ALLOWED = "ip_not_allowed"
    CHATFLOW_NOT_ALLOWED = "chatflow_not_allowed"
    PERMISSION_MISSING = "permission_missing"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    LIMITS_NOT_COUNTED = "limits_not_counted"
    """Whoever decides cannot count the calls of a key that has limits."""
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    """No key came, and the chatflow answers pages of other sites only."""


class AccessRequest(msgspec.Struct, frozen=True, gc=False):
    """What a caller wants to do: call a chatflow, use permissions, or (neither) just be recognised."""

    chatflow_id: str | None = None
    permissions: tuple[str, ...] = ()
    """All of them are needed."""
    workspace_id: str | None = None
    """Whose keys are known at all: one of another workspace is an unknown one."""


ANYTHING: Final = AccessRequest()


class Allowed(msgspec.Struct, frozen=True, gc=False):
    """The credential is good for the request."""

    record: KeyRecord
    taken: Taken | Passed | None = None
    """What it took of limits, and what is left of them; None: it has none, or took nothing."""


class Denied(msgspec.Struct, frozen=True, gc=False):
    """The credential is refused. `record` is set when the whole token was known, for the log only."""

    reason: Reason
    record: KeyRecord | None = None
    detail: str | None = None
    lacking: str | None = None
    """The permission that was asked for and is not held."""
    taken: Taken | None = None
    """What is left of its limits, and for how long it has to wait."""
    wait_seconds: int = 0
    """For how long a limited call has to wait, where that is all that is known of its limits."""
    text: str | None = None
    """What visitors of a page without a key are told, in the words of the chatflow's owner."""


Decision = Allowed | Denied

_ACTIVE_CUSTOMER: Final = CustomerStatus.ACTIVE
_ACTIVE: Final = Status.ACTIVE
"""At hand: looking it up at each call costs a fifth of the decision."""


def decide(
    record: KeyRecord | None, request: AccessRequest, now: int, client: Client | None = None
) -> Decision:
    """Decide about `request` at the time `now` (microseconds, UTC), of `client`, if it is known.

    The record may come from a cache; the decision never does, so that expiry is exact.
    """
    denied = denial(record, request, now, client)
    if denied is not None:
        return denied
    assert record is not None
    return Allowed(record)


def denial(
    record: KeyRecord | None, request: AccessRequest, now: int, client: Client | None = None
) -> Denied | None:
    """Return what `decide` does when that is no; None: the request is allowed."""
    if record is None or (request.workspace_id is not None and request.workspace_id != record.workspace_id):
        return Denied(Reason.UNKNOWN_KEY)
    if record.status is not _ACTIVE:
        reason = Reason.REVOKED_KEY if record.status is Status.REVOKED else Reason.DISABLED_KEY
        return Denied(reason, record)
    if record.expires_at is not None and record.expires_at <= now:
        return Denied(Reason.EXPIRED_KEY, record)
    replaced = record.replaced
    if replaced is not None and replaced.valid_until <= now:
        return Denied(Reason.EXPIRED_KEY, record, replaced.detail)
    terms = record.terms
    if terms is not None and (
        (terms.customer is not None and terms.customer.status is not _ACTIVE_CUSTOMER)
        or terms.networks is not None
        or terms.policy_networks is not None
    ):
        unmet = _unmet(terms, client)
        if unmet is not None:
            return Denied(unmet, record)
    if request.chatflow_id is not None and request.chatflow_id not in record.chatflow_ids:
        return Denied(Reason.CHATFLOW_NOT_ALLOWED, record)
    for permission in request.permissions:
        if not grants(record.permissions, permission):
            return Denied(Reason.PERMISSION_MISSING, record, lacking=permission)
    return None


def _unmet(terms: Terms, client: Client | None) -> Reason | None:
    """Return why a call does not do what its key asks of calls, or None."""
    customer = terms.customer
    if customer is not None and customer.status is not _ACTIVE_CUSTOMER:
        is_final = customer.status is CustomerStatus.REVOKED
        return Reason.REVOKED_KEY if is_final else Reason.DISABLED_KEY
    return None if terms.admit(client) else Reason.IP_NOT_ALLOWED


def grants(held: PermissionSet, permission: str) -> bool:
    """Tell whether the held permissions contain `permission`. An empty set grants nothing."""
    return permission in held or ALL in held
