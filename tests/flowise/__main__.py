"""Replays all recordings and prints how many answers agree: ``python -m tests.flowise [--write] [NAME…]``.

With names, prints what differs in those; with ``--write``, stores what is known to differ.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.flowise.known import write
from tests.flowise.recordings import MISSING, RECORDED, recordings
from tests.flowise.replaying import Sample, replaying
from tests.flowise.share import Share
from tests.flowise.stub import Stub
from tests.support.server import Running


def main(*arguments: str) -> int:
    """Do it; return the exit code."""
    if not RECORDED.is_dir():
        print(MISSING)
        return 1
    names = [argument for argument in arguments if argument != "--write"]
    share = Share()
    servers: list[Running] = []
    with tempfile.TemporaryDirectory() as folder:

        def serve(**settings: Any) -> Running:
            servers.append(Running(Path(folder) / "data", **settings).start())
            return servers[-1]

        stub, sample = Stub(), Sample()
        try:
            replay = replaying(serve, stub, sample)
            for recording in recordings():
                if not names or recording.name in names:
                    share.add(recording, replay)
        finally:
            stub.stop()
            sample.close()
            for server in servers:
                server.stop()
    for name in names:
        for exchange, found in share.found[name].items():
            print(name, exchange, *found or ["agrees"], sep="\n    ")
    print(share.table())
    if "--write" in arguments:
        write(share.differing)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
