"""What is left of limits, as people ask about it: of keys, and of whom they share limits with."""

from collections.abc import Iterable, Sequence

import msgspec

from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.limits.gcra import BINDING, KEY, Scope, left
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.limits.stored import limits_from, to_store
from flowkeys.service.keys.verifier import Verifier


class LimitLeft(msgspec.Struct, frozen=True):
    """A limit, and what is left of it."""

    rate: RateLimit
    calls: int
    """How many may be made at once now."""
    seconds: int
    """After how many there is one more; 0: all may be made."""
    chatflow_id: str | None = None
    """The chatflow that it is about, of a key on a chatflow."""


async def left_of_keys(verifier: Verifier, keys: Sequence[ApiKey]) -> dict[str, list[LimitLeft]]:
    """Return what is left of the limits that keys have of their own, by the keys' ids.

    Raises:
        Unavailable: whoever counts cannot be reached.
    """
    whose: list[tuple[str, str | None]] = []
    scopes: list[Scope] = []
    for key in keys:
        for kind, name, rates, chatflow_id in (
            (KEY, key.id, key.rate_limits, None),
            *((BINDING, f"{key.id}\n{item.id}", item.rate_limits, item.id) for item in key.chatflows),
        ):
            if found := scope_of(kind, name, rates):
                scopes.append(found)
                whose.append((key.id, chatflow_id))
    made: dict[str, list[LimitLeft]] = {}
    for (key_id, chatflow_id), each in zip(whose, await left_of(verifier, scopes), strict=True):
        made.setdefault(key_id, []).extend(
            msgspec.structs.replace(one, chatflow_id=chatflow_id) for one in each
        )
    return made


async def left_of(verifier: Verifier, scopes: Iterable[Scope]) -> list[list[LimitLeft]]:
    """Return what is left of the limits of each scope.

    Raises:
        Unavailable: whoever counts cannot be reached.
    """
    asked = tuple(scopes)
    taken = await verifier.left_of(asked)
    owed = iter(taken.owed)
    return [
        [
            LimitLeft(rate, *left(step, next(owed)))
            for rate, step in zip(limits.rates, limits.steps, strict=True)
        ]
        for _, _, limits in asked
    ]


async def left_of_scope(
    verifier: Verifier, kind: int, whose: str, rates: Sequence[RateLimit]
) -> list[LimitLeft]:
    """Return what is left of the limits of one that has them: a customer, or a chatflow.

    Raises:
        Unavailable: whoever counts cannot be reached.
    """
    scope = scope_of(kind, whose, rates)
    return [] if scope is None else (await left_of(verifier, [scope]))[0]


def scope_of(kind: int, whose: str, rates: Sequence[RateLimit]) -> Scope | None:
    """Return limits as they are counted, the very ones that verification has; None: there are none."""
    limits = limits_from(to_store(rates))
    return None if limits is None else (kind, whose, limits)
