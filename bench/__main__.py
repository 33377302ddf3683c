"""``python -m bench [--write] [--only PART] [--beside CHECKOUT]``: measure, print the tables, keep them."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from bench import growth, key_page, machine, pages, postgres, recovery, startup, throughput, workers
from bench.capacity import suite as capacity
from bench.documents import suite as documents
from bench.life import instructions
from bench.life import suite as life
from bench.models import suite as models
from bench.report import Table, write
from bench.verification import suite

DOCS: Final = Path(__file__).parents[1] / "docs"
PARTS: Final = (
    *(
        "throughput",
        "pages",
        "web",
        "startup",
        "verification",
        "life",
        "models",
        "growth",
        "documents",
        "workers",
        "postgres",
    ),
)
ON_DEMAND: Final = ("instructions", "recovery")
"""What is measured only when it is named: it takes minutes, or mostly waits."""
DOCUMENTS: Final = {"documents": DOCS / "documents.md"}
"""Where each part is kept, unless in docs/benchmarks.md."""


def main() -> int:
    """Run; return the exit code, 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, on this machine.")
    parser.add_argument("--write", action="store_true", help="put the tables into the documentation")
    parser.add_argument("--only", choices=(*PARTS, *ON_DEMAND), help="measure one part")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, of which the median counts")
    parser.add_argument("--seconds", type=int, help="how long a round takes: 2 of throughput, else 1")
    parser.add_argument("--keys", type=int, default=100_000, help="keys in the lists")
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="CHECKOUT",
        help="of life, instructions: another checkout, with its own .venv, measured in the same run",
    )
    arguments = parser.parse_args()
    rounds, seconds, keys = arguments.rounds, arguments.seconds, arguments.keys
    parts: dict[str, Callable[[Path], Iterable[Table]]] = {
        "throughput": lambda folder: throughput.measure(folder, rounds, seconds or 2),
        "pages": lambda folder: pages.measure(folder, rounds, keys),
        "web": lambda folder: key_page.measure(folder, rounds, keys),
        "startup": lambda folder: startup.measure(folder, rounds),
        "verification": lambda folder: suite.measure(folder, rounds, seconds or 1),
        "life": lambda folder: life.measure(folder, rounds, seconds or 1, arguments.beside),
        "models": lambda folder: models.measure(folder, rounds, seconds or 1),
        "growth": lambda _: growth.measure(),
        "documents": documents.measure,
        "workers": lambda folder: workers.measure(folder, rounds, seconds or 2),
        "instructions": lambda folder: instructions.measure(folder, arguments.beside),
        "recovery": lambda folder: recovery.measure(folder, rounds),
        "postgres": lambda folder: postgres.measure(folder, rounds, seconds or 2, keys),
    }
    missed: list[str] = []
    for name, part in parts.items():
        if arguments.only == name or (arguments.only is None and name not in ON_DEMAND):
            text = [machine.describe() + "\n"]
            print(text[0], flush=True)
            with tempfile.TemporaryDirectory(prefix="flowkeys-bench-") as folder:
                for table in part(Path(folder)):
                    missed += [f"{table.title}: {target}" for target in table.missed]
                    text.append(table.markdown())
                    print(text[-1], flush=True)
            if arguments.write:
                write(DOCUMENTS.get(name, DOCS / "benchmarks.md"), name, "\n".join(text))
                capacity.write_model()
    for target in missed:
        print(f"missed: {target}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
