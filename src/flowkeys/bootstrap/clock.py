"""The time that all parts go by."""

import time


def clock() -> int:
    """Return the time in microseconds, UTC."""
    return time.time_ns() // 1000
