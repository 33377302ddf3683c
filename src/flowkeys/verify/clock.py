"""The time, as the library reads it at each call."""

import time


def now() -> int:
    """Return the time in microseconds, UTC."""
    return time.time_ns() // 1000
