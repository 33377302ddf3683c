"""``python -m bench.documents [--misses]``: what the search finds; takes some seconds."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.documents import questions, suite


def main() -> int:
    """Print the tables; return 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.documents", description="Measure the search.")
    parser.add_argument(
        "--misses", action="store_true", help="show what was not found first, of the half that is for tuning"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowkeys-bench-") as folder:
        asked = suite.ask(Path(folder))
    tables = suite.tables(asked)
    for table in tables:
        print(table.markdown())
    if arguments.misses:
        for one in asked:
            if one.question.half == questions.HALVES[0] and (
                one.rank != 1 if one.question.answers else one.hits
            ):
                _show(one)
    return 1 if any(table.missed for table in tables) else 0


def _show(one: suite.Asked) -> None:
    wanted = " || ".join(f"{a.source} {a.heading}{a.text}" for a in one.question.answers) or "nothing"
    print(f"{one.question.collection}: {one.question.text}\n    wanted {wanted}; rank {one.rank}")
    for hit in one.hits[:3]:
        print(f"    {hit.score:.2f} {hit.source} # {hit.heading} : {hit.content[:60]!r}")


if __name__ == "__main__":
    sys.exit(main())
