"""The policy of a workspace: who may change it, what it refuses, and which keys do not keep to it."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput, PolicyViolated
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.keys.policy import (
    MAX_DAYS,
    MAX_KEYS_PER_PERSON,
    Breach,
    Policy,
    breach_of_number,
    breaches_of_age,
    breaches_of_end,
    breaches_of_networks,
)
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock, to_iso
from flowkeys.service.journal import note, record
from flowkeys.service.keys.input import read_networks
from flowkeys.service.ports.keys.policies import KeysOfPerson
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.webhooks.announcing import announce_key, write

MAX_BROKEN: Final = 1000
"""Keys that are named at once; it is said how many there are."""
BROKEN: Final = "policy.broken"
"""The event by which they are announced."""
_ASKED: Final = (
    "max_lifetime_days",
    "expiry_required",
    "rotate_after_days",
    "max_keys_per_person",
    "allowed_ips",
)


class BrokenKey(msgspec.Struct, frozen=True):
    """A key that does not keep to the policy, and what to do about it."""

    key: ApiKey
    breaches: tuple[Breach, ...]


class Check(msgspec.Struct, frozen=True):
    """What does not keep to the policy."""

    total: int
    """Keys in all; at most `MAX_BROKEN` of them are here, the oldest first."""
    keys: tuple[BrokenKey, ...]
    people: tuple[KeysOfPerson, ...]
    """Who has more keys than `Policy.max_keys_per_person`."""


class Policies:
    """Reads, changes and checks the policy of the caller's workspace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep policies in `store`."""
        self._store = store
        self._clock = clock

    async def get(self, caller: Caller) -> Policy:
        """Return the policy; one that asks for nothing when nobody made any."""
        caller.require("policy:view")
        return await self._store.read(lambda tx: tx.policies.get(caller.workspace_id))

    async def reminders(self, caller: Caller, keys: Sequence[ApiKey]) -> dict[str, str]:
        """Return why keys are due to be rotated, in words, by their ids; of what ended nothing.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
        """
        caller.require("apikeys:view")
        now = self._clock()
        policy = await self._store.read(lambda tx: tx.policies.get(caller.workspace_id))
        if policy.rotate_after_days is None:
            return {}
        return {
            key.id: breach.message
            for key in keys
            if key.status_at(now) in {Status.ACTIVE, Status.DISABLED} and key.rotation_at(now) is None
            for breach in breaches_of_age(policy, key.token_made_at, now)
        }

    async def update(self, caller: Caller, change: Callable[[Policy], Policy]) -> Policy:
        """Make of the policy what `change` returns for it; keys that break it stay as they are.

        Networks bind every call with a key from the next one on.

        Raises:
            Forbidden: the caller lacks ``policy:update``.
            InvalidInput: a field is wrong, or `change` says that it is.
        """
        caller.require("policy:update")
        now = self._clock()

        def work(tx: Transaction) -> Policy:
            before = tx.policies.get(caller.workspace_id)
            cleaned = _checked(change(before))
            after = msgspec.structs.replace(cleaned, version=before.version, updated_at=before.updated_at)
            if after == before:
                return before
            after = msgspec.structs.replace(after, version=before.version + 1, updated_at=now)
            tx.policies.put(caller.workspace_id, after)
            rows = {
                "action": "policy.update",
                "subject": Subject.POLICY,
                "subject_id": caller.workspace_id,
                "before": for_people(before),
                "after": for_people(after),
            }
            if after.allowed_ips != before.allowed_ips:  # which is all that caches keep of it
                record(tx, caller, now, version=after.version, **rows)  # type: ignore[arg-type]
            else:
                note(tx, caller, now, **rows)  # type: ignore[arg-type]
            _announce(tx, caller, before, after, now)
            return after

        return await self._store.write(work)

    async def due(self, caller: Caller, most: int) -> list[ApiKey]:
        """Return keys that the policy reminds people to rotate, the first made first; at most so many.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
        """
        caller.require("apikeys:view")
        now = self._clock()

        def work(tx: Transaction) -> list[ApiKey]:
            days = tx.policies.get(caller.workspace_id).rotate_after_days
            ids = [] if days is None else tx.policies.due(caller.workspace_id, days, now, most)
            return tx.keys.some(caller.workspace_id, ids) if ids else []

        return await self._store.read(work)

    async def check(self, caller: Caller) -> Check:
        """Return the keys that could be used and do not keep to the policy, and people with too many.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
        """
        caller.require("apikeys:view")  # whoever changes such a key is told of the policy anyhow
        now = self._clock()

        def work(tx: Transaction) -> Check:
            return _broken(tx, caller.workspace_id, tx.policies.get(caller.workspace_id), now)

        return await self._store.read(work)


def _broken(tx: Transaction, workspace_id: str, policy: Policy, now: int) -> Check:
    wrong = [
        stored
        for stored, networks in tx.policies.networks_of_keys(workspace_id).items()
        if breaches_of_networks(policy, networks)
    ]
    found, total = tx.policies.broken(workspace_id, policy, wrong, now, MAX_BROKEN)
    keys = tx.keys.some(workspace_id, list(found))
    broken = (BrokenKey(key, breaches(policy, key, found[key.id], now)) for key in keys)
    most = policy.max_keys_per_person
    people = () if most is None else tx.policies.people_with_more(workspace_id, most, now)
    return Check(total, tuple(broken), tuple(people))


def _announce(tx: Transaction, caller: Caller, before: Policy, after: Policy, now: int) -> None:
    """Announce keys, and people, that do not keep to what was changed of a policy: each once."""
    listeners = tx.webhooks.listeners(caller.workspace_id, BROKEN)
    if not listeners:
        return
    changed = {name: new for name in _ASKED if (new := getattr(after, name)) != getattr(before, name)}
    asked = Policy(**changed)
    found = _broken(tx, caller.workspace_id, asked, now)
    by = caller.principal.as_creator()
    for broken in found.keys:
        told = [
            {
                "policy": one.policy,
                "field": one.field,
                "message": one.message,
                "action": one.action,
                "latest": None if one.latest is None else to_iso(one.latest),
            }
            for one in broken.breaches
        ]
        announce_key(tx, BROKEN, broken.key, now, by, breaches=told, keysInAll=found.total)
    for person in found.people:
        breach = breach_of_number(asked, person.total)
        assert breach is not None
        data = {
            "workspaceId": caller.workspace_id,
            "personId": person.person_id,
            "personName": person.name,
            "keys": person.total,
            "breaches": [{"policy": breach.policy, "message": breach.message}],
            "by": {"type": by.type, "id": by.id, "name": by.name},
        }
        write(tx, caller.workspace_id, BROKEN, data, now, listeners)


def breaches(policy: Policy, key: ApiKey, began_at: int, now: int) -> tuple[Breach, ...]:
    """Return all of the policy that a key does not keep to, the reminder to rotate it included."""
    return (
        *breaches_of_end(policy, began_at, key.expires_at, now),
        *breaches_of_networks(policy, key.allowed_ips),
        *breaches_of_age(policy, began_at, now),
    )


def enforce(tx: Transaction, before: ApiKey | None, after: ApiKey, now: int) -> None:
    """Refuse a key that is made, or changed, in a way that the policy of its workspace forbids.

    What a write leaves as it was is not looked at: a key from before the policy can still be renamed. Who
    enables a key makes all of it count again.

    Raises:
        PolicyViolated: naming the policies.
    """
    if after.status is not Status.ACTIVE:
        return
    policy = tx.policies.get(after.workspace_id)
    is_new = before is None or before.status is not Status.ACTIVE
    found: list[Breach] = []
    if is_new or (before is not None and before.expires_at != after.expires_at):
        began_at = now if before is None else tx.policies.began_at(after.id)
        found += breaches_of_end(policy, began_at, after.expires_at)
    if is_new or (before is not None and before.allowed_ips != after.allowed_ips):
        found += breaches_of_networks(policy, after.allowed_ips)
    _refuse(found)


def enforce_number(tx: Transaction, caller: Caller, now: int) -> None:
    """Refuse one key more than a person may have, also when it is one of their keys that makes it.

    Raises:
        PolicyViolated: naming ``maxKeysPerPerson``.
    """
    policy = tx.policies.get(caller.workspace_id)
    if policy.max_keys_per_person is None:
        return
    person_id = tx.policies.person_behind(caller.workspace_id, caller.principal.as_creator())
    if person_id is not None:
        total = tx.policies.count_of_person(caller.workspace_id, person_id, now)
        breach = breach_of_number(policy, total + 1)
        _refuse([] if breach is None else [breach])


def for_people(policy: Policy) -> dict[str, object]:
    """Return a policy as the audit log has it, by the names of the wire."""
    return {
        "maxLifetimeDays": policy.max_lifetime_days,
        "expiryRequired": policy.expiry_required,
        "rotateAfterDays": policy.rotate_after_days,
        "maxKeysPerPerson": policy.max_keys_per_person,
        "allowedIps": list(policy.allowed_ips),
    }


def _refuse(found: list[Breach]) -> None:
    if found:
        policies = tuple(dict.fromkeys(breach.policy for breach in found))
        raise PolicyViolated(policies, *(FieldError(breach.field, breach.message) for breach in found))


def _checked(policy: Policy) -> Policy:
    errors: list[FieldError] = []
    for name, value, most, what in (
        ("maxLifetimeDays", policy.max_lifetime_days, MAX_DAYS, "days"),
        ("rotateAfterDays", policy.rotate_after_days, MAX_DAYS, "days"),
        ("maxKeysPerPerson", policy.max_keys_per_person, MAX_KEYS_PER_PERSON, "keys"),
    ):
        if value is not None and not 1 <= value <= most:
            errors.append(FieldError(name, f"Give 1 to {most:,} {what}, or nothing for no limit."))
    networks: tuple[str, ...] = ()
    try:
        networks = read_networks(policy.allowed_ips)
    except InvalidInput as refused:
        errors += refused.errors
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(policy, allowed_ips=networks)
