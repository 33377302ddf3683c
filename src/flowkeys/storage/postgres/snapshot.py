"""What a statement could see, by the numbers of transactions (PostgreSQL, "Transaction ID and Snapshot").

Transactions commit in another order than that in which they write into the feed of changes, so the feed's own
numbers do not tell what a record was read behind. Their transactions' numbers do: whoever reads knows of each
of them whether it had ended, on a copy of the database that lags behind, too.
"""

from typing import Final

READ: Final = "pg_current_snapshot()::text"
"""What statements ask for, as `position` and `sees` take it: the least number under way, the next one, and
those under way."""


def position(snapshot: str) -> int:
    """Return the highest number up to which all transactions had ended."""
    return int(snapshot[: snapshot.index(":")]) - 1


def sees(snapshot: str, number: int) -> bool:
    """Tell whether a transaction had ended, so that what it changed was read."""
    least, beyond, under_way = snapshot.split(":")
    if number < int(least):
        return True
    return number < int(beyond) and str(number) not in under_way.split(",")
