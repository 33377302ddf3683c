"""How much of a client is read, and for how long it is waited for."""

from typing import Final

MAX_BYTES: Final = 128 * 1024
"""Of a head that is not complete, and of what is no body behind one. What came in the segment in which it
began is not counted, so a head that came whole is refused by whoever answers, in the form of the route."""
MAX_TARGET_BYTES: Final = 64 * 1024 - 1
"""What can be read of a target; one of the API, whose parameters are short, may have a quarter of it."""
API: Final = b"/api/"
MAX_API_TARGET_BYTES: Final = 16 * 1024
MAX_WAITING: Final = 100
"""While more calls wait behind one that is being answered, nothing more is read."""
PART_BYTES: Final = 8 * 1024
"""So much is read at a time: some hundred calls at most."""
MAX_LINES: Final = 1000
"""Of headers that are kept: far more than are allowed, so that whoever answers refuses them."""
LATE_SECONDS: Final = 30.0
"""For a head to be complete, and for more of a body to come; up to twice that, as it is looked so often."""
UNREAD_LOOKS: Final = 5
"""So many times none of an answer was read until that is given up. The system's buffers hide slow progress:
in two minutes it shows when it is more than some kilobytes a second."""
NO_HEAD: Final = -1
"""Instead of how many lines a head may still have: none is being read."""
IN_BODY: Final = -2
