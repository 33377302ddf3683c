"""The checker finds what is wrong, and nothing else: histories by hand, and those of a key with a fault."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.as_one.checker import UNKNOWN, Step, explain
from tests.conformance.as_one.model import REFUSED, Call, Key, State, apply, promised, unanswered

BOUND = 5.0
SEEDS = 60

A, B, C = Key("a"), Key("b"), Key("c")
OFF, GONE = Key("a", "disabled"), Key("a", "revoked")
MADE = Step(Call("create", "a"), A, 0, 1, "one")


def is_right(*steps: Step) -> bool:
    """Tell whether an order explains what was told."""
    return explain(promised(steps, BOUND), None, apply) is None


def did(verb: str, answer: Any, began: float, ended: float, process: str = "one", name: str = "") -> Step:
    """Return a call, in short."""
    return Step(Call(verb, name), answer, began, ended, process)


LEFT = "chatflow_not_allowed"
"""What an active key is told that is not bound."""

CASES: dict[str, tuple[bool, list[Step]]] = {
    "one after the other": (True, [did("rename", B, 2, 3, name="b"), did("read", B, 4, 5)]),
    "a stale read": (False, [did("rename", B, 2, 3, name="b"), did("read", A, 4, 5, "two")]),
    "a read beside a write sees it": (True, [did("rename", B, 2, 9, name="b"), did("read", B, 3, 4)]),
    "a read beside a write does not": (True, [did("rename", B, 2, 9, name="b"), did("read", A, 3, 4)]),
    "what was seen is unseen": (
        False,
        [did("rename", B, 2, 9, name="b"), did("read", B, 3, 4), did("read", A, 5, 6, "two")],
    ),
    "a lost update": (
        False,
        [did("rename", B, 2, 6, name="b"), did("disable", OFF, 3, 7, "two"), did("read", OFF, 8, 9)],
    ),
    "two updates beside each other": (
        True,
        [
            did("rename", B, 2, 6, name="b"),
            did("rename", C, 3, 7, "two", name="c"),
            did("read", B, 8, 9),
            did("read", B, 8, 9, "two"),
        ],
    ),
    "two readers do not agree": (
        False,
        [
            did("rename", B, 2, 6, name="b"),
            did("rename", C, 3, 7, "two", name="c"),
            did("read", B, 8, 9),
            did("read", C, 8, 9, "two"),
        ],
    ),
    "a resurrected key": (False, [did("revoke", 1, 2, 3), did("enable", A, 4, 5)]),
    "a revoked key stays so": (
        True,
        [did("revoke", 1, 2, 3), did("enable", REFUSED, 4, 5), did("read", GONE, 6, 7)],
    ),
    "revoked twice": (False, [did("revoke", 1, 2, 6), did("revoke", 1, 3, 7, "two")]),
    "a key that was made is not there": (False, [did("read", 404, 2, 3, "two")]),
    "half a change": (
        False,
        [did("rename", B, 2, 3, name="b"), did("disable", OFF, 4, 5)],
    ),
    "elsewhere a key is known within the bound": (
        True,
        [did("revoke", 1, 2, 3), did("verify", LEFT, 7, 8, "two")],
    ),
    "but not behind it": (False, [did("revoke", 1, 2, 3), did("verify", LEFT, 8.1, 8.2, "two")]),
    "never where it was revoked": (False, [did("revoke", 1, 2, 3), did("verify", LEFT, 4, 5)]),
    "nor where it was refused before": (
        False,
        [
            did("revoke", 1, 2, 3),
            did("verify", "revoked_key", 4, 5, "two"),
            did("verify", LEFT, 6, 7, "two"),
        ],
    ),
    "another one may be behind it": (
        True,
        [
            did("revoke", 1, 2, 3),
            did("verify", "revoked_key", 4, 5, "two"),
            did("verify", LEFT, 6, 7, "three"),
        ],
    ),
    "nobody is ahead": (False, [did("verify", "revoked_key", 2, 3), did("revoke", 1, 4, 5)]),
    "no answer: it was done": (
        True,
        [unanswered(did("revoke", UNKNOWN, 2, 3)), did("read", GONE, 8, 9)],
    ),
    "no answer: it was not": (True, [unanswered(did("revoke", UNKNOWN, 2, 3)), did("read", A, 8, 9)]),
    "no answer: later": (
        True,
        [unanswered(did("revoke", UNKNOWN, 2, 3)), did("read", A, 8, 9), did("read", GONE, 10, 11)],
    ),
    "no answer: undone": (
        False,
        [unanswered(did("revoke", UNKNOWN, 2, 3)), did("read", GONE, 8, 9), did("read", A, 10, 11)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("right", "steps"), CASES.values(), ids=CASES)
def test_a_history_is_right_or_wrong(right: bool, steps: list[Step]) -> None:
    """Behind the making of a key at 0 to 1 by process one; the bound is five."""
    assert is_right(MADE, *steps) is right


def test_who_is_told_why_sees_the_call_that_does_not_fit() -> None:
    """The longest order that was found, and what cannot come behind it."""
    found = explain(promised([MADE, did("revoke", 1, 2, 3), did("read", A, 4, 5, "two")], BOUND), None, apply)
    assert found is not None
    assert [step.call.verb for step in found.order] == ["create", "revoke"]
    assert [step.process for step in found.left] == ["two"]
    assert "no order explains" in str(found)


class Kept:
    """A key, as three processes answer for it that share a store; a subclass has a fault."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.states: list[State] = [None]

    def answer(self, call: Call) -> Any:
        """Answer, as of now."""
        state, answer = apply(self.states[-1], call)
        self.states.append(state)
        return answer

    def before(self) -> State:
        """Return what was so some changes ago."""
        return self.states[max(1, len(self.states) - 6)]


class StaleRead(Kept):
    def answer(self, call: Call) -> Any:
        """Read what was so before, now and then."""
        if call.verb == "read" and self.chance.random() < 0.5:
            return self.before()
        return super().answer(call)


class LostUpdate(Kept):
    def answer(self, call: Call) -> Any:
        """Acknowledge a change that is not made, now and then."""
        if call.verb in {"rename", "disable", "bind"} and self.chance.random() < 0.4:
            return apply(self.states[-1], call)[1]
        return super().answer(call)


class Resurrected(Kept):
    def answer(self, call: Call) -> Any:
        """Write an old copy back with a change, now and then."""
        if call.verb == "rename" and self.chance.random() < 0.5:
            old = self.before()  # a copy from before is written back, whole
            assert old is not None
            self.states.append(old._replace(name=call.name))
            return self.states[-1]
        return super().answer(call)


class KnownTooLong(Kept):
    def answer(self, call: Call) -> Any:
        """Verify by what was so before, now and then."""
        if call.verb == "verify" and self.chance.random() < 0.5:
            return apply(self.before(), call)[1]
        return super().answer(call)


def simulate(seed: int, kind: Callable[[random.Random], Kept]) -> list[Step]:
    """Return what four clients were told of a key; each call has its effect at some time between its ends."""
    chance = random.Random(seed)
    kept = kind(chance)
    calls = []
    for _client in range(4):
        at = 2.0
        for _ in range(12):
            began = at + chance.random()
            effect = began + chance.random()
            at = effect + chance.random()
            verb = chance.choice(
                ["read", "read", "verify", "verify", "rename", "disable", "enable", "bind", "unbind"]
            )
            name = str(chance.random()) if verb == "rename" else ""
            calls.append((effect, began, at, Call(verb, name)))
    last = max(call[2] for call in calls)
    calls.append((last + 0.5, last, last + 1, Call("revoke")))
    calls += [(last + 2 + n, last + 1.5 + n, last + 2.5 + n, Call("rename", "x")) for n in range(3)]
    calls += [(last + 2.1 + n, last + 1.6 + n, last + 2.6 + n, Call("verify")) for n in range(3)]
    steps = [Step(Call("create", "a"), kept.answer(Call("create", "a")), 0, 1, "0")]
    for number, (_effect, began, ended, call) in enumerate(sorted(calls)):
        steps.append(Step(call, kept.answer(call), began, ended, str(number % 3)))
    return steps


def test_a_key_without_a_fault_is_explained() -> None:
    """However its calls lie beside each other, with no bound to hide behind; also with answers missing."""
    for seed in range(SEEDS):
        steps = simulate(seed, Kept)
        assert explain(promised(steps, 0), None, apply) is None
        chance = random.Random(seed)
        some = [unanswered(step) if chance.random() < 0.1 else step for step in steps[1:]]
        assert explain(promised([steps[0], *some], 0), None, apply) is None


@pytest.mark.parametrize("kind", [StaleRead, LostUpdate, Resurrected, KnownTooLong])
def test_a_key_with_a_fault_is_found(kind: Callable[[random.Random], Kept]) -> None:
    """In nearly each history: a fault may happen not to show."""
    found = [explain(promised(simulate(seed, kind), 0.1), None, apply) for seed in range(SEEDS)]
    assert sum(each is not None for each in found) > SEEDS * 0.8


def test_an_older_answer_is_never_taken_for_a_newer_one() -> None:
    """A reading that is moved behind the revocation is found, whichever it is."""
    tried = 0
    for seed in range(10):
        steps = simulate(seed, Kept)
        for number, step in enumerate(steps):
            if step.call.verb != "read":
                continue
            changed = [other for other in steps if other.began > step.ended and other.answer == 1]
            if not changed:
                continue
            late = Step(step.call, step.answer, changed[0].ended + 1, changed[0].ended + 2, "1")
            moved = [*steps[:number], late, *steps[number + 1 :]]
            assert explain(promised(moved, 0), None, apply) is not None
            tried += 1
    assert tried > 50
