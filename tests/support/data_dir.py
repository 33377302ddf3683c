"""What a command would do with a data directory, done in this process: a process takes a second to start."""

import asyncio
from pathlib import Path
from typing import Any

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey
from flowkeys.web import render
from tests.support.databases import settings as where


def make_key(data_dir: Path, name: str, permissions: tuple[str, ...] = (), **settings: Any) -> dict[str, Any]:
    """Make a key, and the data directory if need be; return it as the API would."""

    async def work() -> dict[str, Any]:
        runtime = await bootstrap.open_runtime(load(data_dir=data_dir, **{**where(data_dir), **settings}))
        try:
            workspace = (await runtime.workspaces.default()).id
            new = NewKey(name=name, permissions=frozenset(permissions))
            made = await runtime.keyring.create(Caller(operator(workspace)), new)
            return render.made_key(made, bootstrap.clock())
        finally:
            await runtime.close()

    return asyncio.run(work())


def make_owner(data_dir: Path, **settings: Any) -> str:
    """Make a key that may do everything, as `make_key`; return its token."""
    token: str = make_key(data_dir, "owner", ("*",), **settings)["apiKey"]
    return token
