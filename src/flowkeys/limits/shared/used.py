"""What was used of quotas, as it is written in Valkey.

Of each key and customer a hash: ``cd:20789`` is how many calls were used on day 20789 (``t`` are tokens,
``h`` hours), ``m:cd`` says that calls are counted by day, ``g`` by which load all of it came there.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flowkeys.domain.limits.quota import LENGTHS, Quota, QuotaUse, Step, Unit
from flowkeys.limits.accounts import Account, Line
from flowkeys.service.ports.quotas import Whose

_UNITS: Final = {"c": Unit.CALLS, "t": Unit.TOKENS}
_STEPS: Final[dict[str, Step]] = {"d": "day", "h": "hour"}

Amounts = Mapping[tuple[Unit, Step, int], int]


def keys(whose: Whose) -> list[bytes]:
    """Return where it is written what one has used, and what is reserved."""
    one = b"%b:%b" % (whose.kind.encode(), whose.id.encode())
    return [b"{flowkeys}:used:%b" % one, b"{flowkeys}:held:%b" % one]


def name(unit: Unit, step: Step, time: int = 0) -> bytes:
    """Return what is counted in which steps, in two letters; `time` is not looked at."""
    del time
    return f"{unit[0]}{step[0]}".encode()


def meter(quota: Quota) -> bytes:
    """Return that of a quota."""
    return name(quota.unit, quota.step)


def numbers(quota: Quota, now: int) -> list[bytes | int]:
    """Return what the script is told of a quota."""
    length = LENGTHS[quota.step]
    ends = quota.ends_at(now) // length
    return [meter(quota), quota.begins_at(now) // length, now // length, ends, quota.amount]


def fields(amounts: Amounts) -> list[bytes | int]:
    """Return names of steps and amounts."""
    found: list[bytes | int] = []
    for (unit, step, time), amount in amounts.items():
        if amount:
            found += [b"%b:%d" % (name(unit, step), time // LENGTHS[step]), amount]
    return found


def present(account: Account, lines: Iterable[Line], amount: int) -> list[bytes | int]:
    """Return the present step of each meter, each with the same amount."""
    meters = {(line.quota.unit, line.quota.step) for line in lines}
    return fields({(unit, step, account.present(step)): amount for unit, step in meters})


def state_of(answer: Any) -> dict[bytes, bytes]:
    """Return what a hash holds, whichever version of the protocol it came by."""
    if isinstance(answer, dict):
        return answer
    if isinstance(answer, list):
        return dict(zip(answer[::2], answer[1::2], strict=True))
    return {}


def uses(state: Mapping[bytes, bytes]) -> tuple[QuotaUse, ...]:
    """Return what is used."""
    found = []
    for key, value in state.items():
        written, _, step = key.decode().partition(":")
        unit, length = _UNITS.get(written[:1]), _STEPS.get(written[1:])
        if unit is not None and length is not None and step.isdigit():
            found.append(QuotaUse(unit, length, int(step) * LENGTHS[length], int(value)))
    return tuple(found)


def summed(kept: Iterable[QuotaUse], more: Amounts) -> dict[tuple[Unit, Step, int], int]:
    """Return what is used with what is added to it."""
    found = {(use.unit, use.step, use.time): use.used for use in kept}
    for step, amount in more.items():
        found[step] = found.get(step, 0) + amount
    return found
