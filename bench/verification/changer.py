"""The other process: ends the keys whose ids it is told, and says when each was committed (monotonic, ns)."""

import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.target import opened


def main(way: str, data: Path) -> None:
    """Read ids, one a line."""
    if way == "sql":
        with sqlite3.connect(data / "flowkeys.db", isolation_level=None) as raw:
            _loop(
                lambda key_id: raw.execute("UPDATE api_key SET status = 'disabled' WHERE id = ?", (key_id,))
            )
        return
    with opened(data) as target:
        _loop(lambda key_id: target.run(target.runtime.keyring.revoke(target.caller, key_id)))


def _loop(change: Callable[[str], object]) -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        change(line.strip())
        print(time.monotonic_ns(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
