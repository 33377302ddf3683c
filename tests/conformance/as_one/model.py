"""What is promised of a key: how it answers calls made one after the other, and who may be behind."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tests.conformance.as_one.checker import UNKNOWN, Step

READS: Final = frozenset({"read", "verify"})


class Call(NamedTuple):
    """What is asked of a key."""

    verb: str
    name: str = ""
    """The key's new name, of `create` and `rename`."""


class Key(NamedTuple):
    """A key as it is between two calls."""

    name: str
    status: str = "active"
    is_bound: bool = False

    @property
    def code(self) -> str:
        """What whoever verifies it for the chatflow is told."""
        if self.status != "active":
            return f"{self.status}_key"
        return "valid" if self.is_bound else "chatflow_not_allowed"


State = Key | None
"""None: there is no such key yet."""
Answer = Key | str | int

REFUSED: Final = 422
ABSENT: Final = 404


def apply(state: State, call: Call) -> tuple[State, Answer]:
    """Return the state behind a call, and its answer."""
    if call.verb == "create":
        made = Key(call.name)
        return made, made
    if state is None:
        return None, "unknown_key" if call.verb == "verify" else ABSENT
    if call.verb == "read":
        return state, state
    if call.verb == "verify":
        return state, state.code
    if call.verb == "revoke":
        return state._replace(status="revoked"), int(state.status != "revoked")
    if state.status == "revoked":
        return state, REFUSED
    changed = {
        "rename": lambda: state._replace(name=call.name),
        "disable": lambda: state._replace(status="disabled"),
        "enable": lambda: state._replace(status="active"),
        "bind": lambda: state._replace(is_bound=True),
        "unbind": lambda: state._replace(is_bound=False),
    }[call.verb]()
    return changed, changed


def promised(steps: Sequence[Step], bound_seconds: float) -> list[Step]:
    """Return a key's calls with what is promised of each.

    Who manages a key finds it as it is: reads and writes are linearizable, whichever process answers. Who
    verifies it may be told what was so up to `bound_seconds` before, but never what was so before a change
    that this process acknowledged, nor before what this process said when it was asked last.
    """
    found = []
    for step in steps:
        if step.call.verb != "verify":
            found.append(replace(step, is_read=step.call.verb in READS))
            continue
        after = frozenset(
            number
            for number, other in enumerate(steps)
            if other.process == step.process and other.ended < step.began and other.call.verb != "read"
        )
        found.append(replace(step, began=step.began - bound_seconds, after=after, is_read=True))
    return found


def unanswered(step: Step) -> Step:
    """Return a call as one that had no answer."""
    return replace(step, answer=UNKNOWN, ended=math.inf)
