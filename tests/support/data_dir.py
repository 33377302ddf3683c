"""What a command would do with a data directory, done in this process: a process takes a second to start."""

import asyncio
from pathlib import Path

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey


def make_owner(data_dir: Path) -> str:
    """Make a data directory; return the token of its one key, which may do everything."""

    async def work() -> str:
        runtime = await bootstrap.open_runtime(load(data_dir=data_dir))
        try:
            workspace = (await runtime.workspaces.default()).id
            new = NewKey(name="owner", permissions=frozenset({"*"}))
            return (await runtime.keyring.create(Caller(operator(workspace)), new)).token.reveal()
        finally:
            await runtime.close()

    return asyncio.run(work())
