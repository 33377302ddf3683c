"""The command line."""

import sys


def run() -> None:
    """Run the program `flowkeys`; without the packages that it needs, say how to install them."""
    try:
        from flowkeys.cli import main
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "flowkeys":
            raise
        sys.exit(f"The flowkeys command needs {missing.name}: pip install 'flowkeys[server]'")
    main.run()
