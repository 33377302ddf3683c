"""``python -m bench.capacity [PART] [--write]``: measure for docs/scaling.md, and write its model."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench import machine
from bench.capacity import suite
from bench.report import joined, write


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description="Capacity on paper.")
    parser.add_argument("part", nargs="?", choices=suite.PARTS, help="measure this, and not the model alone")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling.md")
    arguments = parser.parse_args()
    if arguments.part:
        described = machine.describe()
        with tempfile.TemporaryDirectory(prefix="flowkeys-capacity-") as folder:
            text = f"{described}\n\n{joined(suite.PARTS[arguments.part](Path(folder)))}"
        print(text)
        if arguments.write:
            write(suite.SCALING, f"capacity-{arguments.part}", text)
    if arguments.write:
        suite.write_model()
    elif not arguments.part:
        print(suite.model_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
