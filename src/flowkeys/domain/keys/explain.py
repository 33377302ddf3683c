"""A decision step by step, for people who wonder why a key is refused: beside `decide`, never instead of it.

`decide` answers calls, and stops at the first reason without a text. What is said here agrees with it for
every record, request and time; a test holds that over random ones.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.decision import AccessRequest, Decision, grants
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.times import to_iso

STEPS: Final = ("form", "known", "status", "expiry", "customer", "network", "chatflow", "permission")
"""In the order in which they are decided."""
NOT_LOOKED_AT: Final = "Not looked at, since an earlier step failed."


class Step(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    step: str
    ok: bool | None
    """None when an earlier step failed, so that this one was not looked at."""
    detail: str


class Presented(msgspec.Struct, frozen=True):
    """What was found for what was presented as a token."""

    hint: str | None
    """The last characters of the token; None when it has not a token's form or checksum."""
    record: KeyRecord | None = None
    """The key of the token, of whatever workspace it is."""
    mistake: str = "It has not the form of a key, or a part is missing or mistyped."
    """What is wrong with its form, if something is."""
    opens_to_all: bool = False
    """Whether the chatflow that is asked for is a public one of the key's workspace."""


class Explanation(msgspec.Struct, frozen=True):
    """A decision and how it came about."""

    decision: Decision
    steps: tuple[Step, ...]
    hint: str | None


def explain(
    presented: Presented, request: AccessRequest, now: int, client: Client | None = None
) -> tuple[Step, ...]:
    """Return every step of the decision about `request` of `client` at the time `now` (microseconds, UTC).

    A key of another workspace than the request's is told apart from one that there is not by nothing.
    """
    done: list[Step] = []
    for step in _steps(presented, request, now, client):
        done.append(step)
        if not step.ok:
            break
    return (*done, *(Step(name, None, NOT_LOOKED_AT) for name in STEPS[len(done) :]))


def _steps(presented: Presented, request: AccessRequest, now: int, client: Client | None) -> Iterator[Step]:
    record = presented.record
    if presented.hint is None:
        yield Step("form", ok=False, detail=presented.mistake)
        return
    yield Step("form", ok=True, detail="It has the form of a key, and its checksum is right.")
    if record is None or request.workspace_id not in {None, record.workspace_id}:
        yield Step("known", ok=False, detail="There is no such key in this workspace.")
        return
    yield Step("known", ok=True, detail="It is a key of this workspace.")
    yield Step("status", ok=record.status is Status.ACTIVE, detail=f"The key is {record.status.value}.")
    yield _expiry(record, now)
    yield _customer(record)
    yield _network(record, client)
    yield _chatflow(record, request, opens_to_all=presented.opens_to_all)
    yield _permission(record, request)


def _expiry(record: KeyRecord, now: int) -> Step:
    replaced = record.replaced
    has_expired = record.expires_at is not None and record.expires_at <= now
    if replaced is not None and replaced.at is not None and not has_expired:
        ends_at = min(replaced.valid_until, record.expires_at or replaced.valid_until)
        at = to_iso(replaced.at)
        if ends_at > now:
            detail = f"It was replaced by a new one at {at}, and works until {to_iso(ends_at)}."
            return Step("expiry", ok=True, detail=detail)
        detail = f"It was replaced by a new one at {at}, and ended at {to_iso(ends_at)}."
        return Step("expiry", ok=False, detail=detail)
    ends = [time for time in (record.expires_at, record.valid_until) if time is not None]
    if not ends:
        return Step("expiry", ok=True, detail="It does not expire.")
    alive = min(ends) > now
    return Step("expiry", ok=alive, detail=f"It {'expires' if alive else 'expired'} at {to_iso(min(ends))}.")


def _customer(record: KeyRecord) -> Step:
    customer = None if record.terms is None else record.terms.customer
    if customer is None:
        return Step("customer", ok=True, detail="The key belongs to no customer.")
    detail = f"Its customer {customer.name} is {customer.status.value}."
    return Step("customer", ok=customer.status is CustomerStatus.ACTIVE, detail=detail)


def _network(record: KeyRecord, client: Client | None) -> Step:
    terms = record.terms or Terms()
    both = {"The key": terms.networks, "Every key of the workspace": terms.policy_networks}
    asked = {whose: networks for whose, networks in both.items() if networks is not None}
    if not asked:
        return Step("network", ok=True, detail="The key may be used from anywhere.")
    address = None if client is None else client.address()
    for whose, networks in asked.items():
        within = ", ".join(networks.texts)
        if address is None:
            detail = f"{whose} may be used from {within} only, and no address was given to ask about."
            return Step("network", ok=False, detail=detail)
        if not networks.include(address):
            detail = f"{whose} may be used from {within} only; {address} is not in that."
            return Step("network", ok=False, detail=detail)
    return Step("network", ok=True, detail=f"The key may be used from {address}.")


def _chatflow(record: KeyRecord, request: AccessRequest, *, opens_to_all: bool) -> Step:
    if request.chatflow_id is None:
        return Step("chatflow", ok=True, detail="No chatflow was named.")
    if request.chatflow_id in record.chatflow_ids:
        return Step("chatflow", ok=True, detail="The key is bound to the chatflow.")
    if opens_to_all:
        return Step("chatflow", ok=True, detail="The key is not bound to the chatflow, which is public.")
    return Step("chatflow", ok=False, detail="The key is bound to no such chatflow.")


def _permission(record: KeyRecord, request: AccessRequest) -> Step:
    if not request.permissions:
        return Step("permission", ok=True, detail="No permission was named.")
    for permission in request.permissions:
        if not grants(record.permissions, permission):
            return Step("permission", ok=False, detail=f"The key does not hold {permission}.")
    return Step("permission", ok=True, detail=f"The key holds {', '.join(request.permissions)}.")
