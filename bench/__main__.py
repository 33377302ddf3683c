"""``python -m bench [--write] [--only PART]``: measure, print the tables, keep them in the documentation."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import key_page, machine, pages, startup, throughput
from bench.report import Table

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- written by make bench -->\n", "<!-- end -->\n"


def main() -> int:
    """Run; return the exit code, 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, on this machine.")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--only", choices=["throughput", "pages", "web", "startup"], help="measure one part")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, of which the median counts")
    parser.add_argument("--seconds", type=int, default=3, help="how long a round of throughput takes")
    parser.add_argument("--keys", type=int, default=100_000, help="keys in the lists")
    arguments = parser.parse_args()
    rounds, seconds, keys = arguments.rounds, arguments.seconds, arguments.keys
    parts: dict[str, Callable[[Path], list[Table]]] = {
        "throughput": lambda folder: throughput.measure(folder, rounds, seconds),
        "pages": lambda folder: pages.measure(folder, rounds, keys),
        "web": lambda folder: key_page.measure(folder, rounds, keys),
        "startup": lambda folder: startup.measure(folder, rounds),
    }
    text = [machine.describe() + "\n"]
    print(text[0], flush=True)
    missed: list[str] = []
    for name, part in parts.items():
        if arguments.only in {None, name}:
            with tempfile.TemporaryDirectory(prefix="flowkeys-bench-") as folder:
                for table in part(Path(folder)):
                    missed += [f"{table.title}: {target}" for target in table.missed]
                    text.append(table.markdown())
                    print(text[-1], flush=True)
    if arguments.write:
        _write("\n".join(text))
    for target in missed:
        print(f"missed: {target}", file=sys.stderr)
    return 1 if missed else 0


def _write(text: str) -> None:
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
