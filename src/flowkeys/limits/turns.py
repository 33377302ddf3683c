"""When calls that are refused are told to come again: not all of them at one time.

Calls that come together and are all told the same second come together again, and all but a few are refused
once more; most clients give up after three to eleven tries. So each is told a turn of its own, as far behind
the last one as a limit takes to refill a call. Of each entry that refuses, one number is kept, and of some
thousand entries at most: whoever is forgotten begins with the first turn.

A turn is nothing that is taken: any call is let in that comes when there is room. A program that calls again
without waiting uses up turns, but none of them lies more than a minute ahead; then the first comes again.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from flowkeys.domain.times import SECOND

LONGEST: Final = 60 * SECOND
"""As long as clients have patience. Only what a limit itself takes to refill is longer."""
MOST: Final = 4096
"""So many entries that refuse are remembered."""

Late = tuple[int, int, int]
"""An entry that refuses: its number, after how many microseconds it has room for a call, and how many turns
are to be apart."""


class Turns:
    """The last turn of each entry that refuses."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: OrderedDict[int, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def next_of(self, late: Sequence[Late], now: int) -> int:
        """Return for how many microseconds a call is told to wait that these entries refuse."""
        last = self._last
        first = turn = now + max(wait for _, wait, _ in late)
        for number, _, apart in late:
            turn = max(turn, last.get(number, 0) + apart)
        if turn > now + LONGEST:
            turn = first
        for number, _, _ in late:
            last[number] = turn
            last.move_to_end(number)
        while len(last) > MOST:
            last.popitem(last=False)
        return turn - now
