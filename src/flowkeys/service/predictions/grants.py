"""Calls that were let in, and runs that chatflows are called in."""

from collections.abc import Awaitable, Callable

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.limits.gcra import Passed, Taken
from flowkeys.domain.limits.spent import Reserved
from flowkeys.service.ports.flows import InnerAnswer, InnerCall, RunLimits
from flowkeys.service.predictions.input import Session
from flowkeys.service.predictions.metering import RunMeter


class Grant(msgspec.Struct, frozen=True):
    """A call that was allowed: the chatflow, and who calls it: a key, a person, or anyone when public."""

    access: ChatflowAccess
    record: KeyRecord | None
    person_id: str | None = None
    taken: Taken | Passed | None = None
    """What the call took of limits, and what is left of them."""
    is_operator: bool = False
    """It is asked on the server's own machine, by who may read all of its files."""


def reserved_by(taken: Taken | Passed | None) -> Reserved | None:
    """Return what a call has reserved of quotas of tokens."""
    return taken.spent.reserved if isinstance(taken, Taken) and taken.spent is not None else None


def release(taken: Taken | Passed | None) -> None:
    """Give back what is reserved and not settled: nothing was run, or nothing more will be."""
    reserved = reserved_by(taken)
    if reserved is not None:
        reserved.settle(0)


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    """A run that calls a chatflow, as that one has to know it."""

    workspace_id: str
    key_id: str | None
    person_id: str | None
    """Whose run it is: a key's, a person's, or with neither anyone's."""
    opens_all: bool
    """Whoever it is may call each chatflow of the workspace."""
    session: Session
    meter: RunMeter
    limits: RunLimits
    depth: int


CallInner = Callable[[Outer, InnerCall], Awaitable[InnerAnswer]]
"""Calls a chatflow for a run."""
