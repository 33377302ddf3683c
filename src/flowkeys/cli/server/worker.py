"""What is run as one process of a server with several: ``python -m flowkeys.cli.server.worker ROLE``."""

import sys

from flowkeys.cli.main import run

if __name__ == "__main__":
    run(["serve", "--as-worker", sys.argv[1]])
