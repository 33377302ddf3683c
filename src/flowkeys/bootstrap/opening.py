"""Opening a data directory."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from flowkeys.bootstrap import data_dir, sqlite
from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.engine import Database, ServerStore
from flowkeys.bootstrap.runtime import Runtime
from flowkeys.config import Settings
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.service.people.workspaces import WorkspaceService
from flowkeys.storage.secrets.opening import open_under_secrets

Opened = TypeVar("Opened", bound=ServerStore)


async def open_runtime(settings: Settings, *, check: bool = True) -> Runtime:
    """Open a data directory: make it, bring its schema up to date, and check its secret.

    Raises:
        ConfigurationError: saying what the operator has to change. `check` is False only for the command
            that gives keys up whose secret is lost.
    """
    data_dir.make(settings)
    if settings.database_url is None:
        opened = sqlite.open_store(settings)
        return await _opened(settings, opened, sqlite.follow_journal, sqlite.open_database, check=check)
    from flowkeys.bootstrap import postgres

    store = await asyncio.to_thread(postgres.open_store, settings)
    return await _opened(settings, store, postgres.follow_journal, postgres.open_database, check=check)


async def _opened(
    settings: Settings,
    store: Opened,
    follow_journal: Callable[[Settings, Opened, ServerSecrets, str], Awaitable[tuple[str, ...]]],
    open_database: Callable[[Settings, Opened, int], Database],
    *,
    check: bool,
) -> Runtime:
    try:
        workspaces = WorkspaceService(store, clock)
        written = settings.given_secret(), settings.secret_file
        secrets = await open_under_secrets(store, *written, workspaces, clock, check=check)
        workspace_id = (await workspaces.default()).id
        told = await follow_journal(settings, store, secrets.written, workspace_id)
        secrets = secrets._replace(warnings=(*secrets.warnings, *told))
        database = open_database(settings, store, len(secrets.hasher.secret_ids))
        try:
            runtime = Runtime(settings, store, database, secrets, workspaces)
            await runtime.vault.load()
            await runtime.values.load()
        except BaseException:
            await database.close()
            raise
    except BaseException:
        store.close()
        raise
    return runtime
