"""What is measured: a data directory, opened in this process to be filled."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True)
class Opened:
    """The services over a data directory, and the operator who calls them."""

    runtime: bootstrap.Runtime
    caller: Caller
    run: Run


@contextlib.contextmanager
def opened(data_dir: Path, **settings: Any) -> Iterator[Opened]:
    """Open a data directory, made if need be, with further settings."""
    with asyncio.Runner() as runner:
        runtime = runner.run(bootstrap.open_runtime(load(data_dir=data_dir, **settings)))
        try:
            workspace = runner.run(runtime.workspaces.default()).id
            yield Opened(runtime, Caller(operator(workspace)), runner.run)
        finally:
            runner.run(runtime.close())
