"""Could calls that were made side by side have been made one after the other, with the same answers?

The search is Wing and Gong's (Testing and Verifying Concurrent Objects, 1993) with what Lowe added (Testing
for Linearizability, 2017): what was tried is remembered by the set of calls that have happened and the state
they led to. A history is of one object: if each object's is linearizable, all together are (Herlihy and Wing,
1990).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

UNKNOWN: Final = object()
"""The answer of a call that had none: it may have had its effect at any time since, or never."""

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True)
class Step:
    """One call."""

    call: Any
    answer: Any
    began: float
    """It took effect at this time or later."""
    ended: float
    """It took effect before. What had no answer never ended."""
    process: str = ""
    """Who answered."""
    after: frozenset[int] = frozenset()
    """Numbers of other calls that took effect before it, beside those that ended before it began."""
    is_read: bool = False
    """Whether it changes nothing."""


@dataclass(frozen=True)
class Impossible:
    """Why there is no such order."""

    order: list[Step]
    """The longest one that was found, of some of the calls."""
    left: list[Step]
    """Those that might have come next, none of which answered as it would have."""

    def __str__(self) -> str:
        told = [f"{step.call} → {_shown(step.answer)} by {step.process}" for step in self.order]
        left = [
            f"{step.call} → {_shown(step.answer)} by {step.process}, {step.began:.4f} to {step.ended:.4f}"
            for step in self.left
        ]
        return "no order explains\n  " + "\n  ".join(left) + "\nbehind\n  " + "\n  ".join(told)


def explain(
    steps: Sequence[Step], begin: State, apply: Callable[[State, Any], tuple[State, Any]]
) -> Impossible | None:
    """Return None if there is an order in which each call would have been answered as it was.

    `apply` returns the next state and the answer of a call that is made alone.
    """
    before = [_before(steps, number) for number in range(len(steps))]
    answered = sum(1 << n for n, step in enumerate(steps) if step.answer is not UNKNOWN)
    reads = [n for n, step in enumerate(steps) if step.is_read]
    writes = [n for n, step in enumerate(steps) if not step.is_read]

    def behind(done: int, state: State, number: int) -> tuple[State] | None:
        """Return the state that a call leads to, if it may come now and would be answered as it was."""
        if done >> number & 1 or before[number] & ~done:
            return None
        after, answer = apply(state, steps[number].call)
        return (after,) if steps[number].answer is UNKNOWN or steps[number].answer == answer else None

    def read(done: int, order: tuple[int, ...], state: State) -> tuple[int, tuple[int, ...]]:
        """Make all reads that may come now: whoever reads later would find nothing easier."""
        again = True
        while again:
            again = False
            for number in reads:
                if behind(done, state, number) is not None:
                    done, order, again = done | 1 << number, (*order, number), True
        return done, order

    first, read_first = read(0, (), begin)
    waiting = [(first, read_first, begin)]
    seen = {(first, begin)}
    best = waiting[0]
    while waiting:
        done, order, state = waiting.pop()
        if done & answered == answered:
            return None
        if len(order) > len(best[1]):
            best = done, order, state
        for number in writes:
            found = behind(done, state, number)
            if found is None:
                continue
            (after,) = found
            next_done, next_order = read(done | 1 << number, (*order, number), after)
            if (next_done, after) not in seen:
                seen.add((next_done, after))
                waiting.append((next_done, next_order, after))
    done, order, _ = best
    left = [n for n in range(len(steps)) if not done >> n & 1 and not before[n] & ~done]
    return Impossible([steps[n] for n in order], [steps[n] for n in left])


def _before(steps: Sequence[Step], number: int) -> int:
    """Return the calls, as bits, that took effect before another."""
    step = steps[number]
    ended = sum(1 << n for n, other in enumerate(steps) if other.ended < step.began)
    return ended | sum(1 << n for n in step.after)


def _shown(answer: Any) -> str:
    return "no answer" if answer is UNKNOWN else str(answer)
