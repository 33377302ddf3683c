"""What is kept under the server's secrets is opened at start: keys, the audit log, webhooks' secrets."""

from pathlib import Path

from flowkeys.domain.times import Clock
from flowkeys.service.audit.opening import ChainedStore, open_chain
from flowkeys.service.flows.vault import move_credentials
from flowkeys.service.people.workspaces import WorkspaceService
from flowkeys.service.startup import Secrets, check_secrets, note_verifies_only, open_secrets
from flowkeys.service.webhooks.sealing import move_to_newest
from flowkeys.storage.secrets import secret_file
from flowkeys.storage.secrets.sealed import AesSeal


async def open_under_secrets(
    store: ChainedStore,
    given: str | None,
    file: Path,
    workspaces: WorkspaceService,
    clock: Clock,
    *,
    check: bool,
) -> Secrets:
    """Return the secrets that are `given`, or those of the `file`, which is made when there are none.

    Raises:
        ConfigurationError: a secret is missing, which `check` looks for, or what is written can be none.
    """
    workspace_id = (await workspaces.default()).id
    written = secret_file.known(given, file)
    if not written:
        if check:
            await check_secrets(store, None, clock, written)
        written = secret_file.create(file)
    opened = await open_secrets(store, written, clock)
    if check:
        await check_secrets(store, opened.hasher, clock, written)
    warnings = await open_chain(store, written, workspace_id, clock)
    await note_verifies_only(store, opened.unnoted, workspace_id, clock)
    seal = AesSeal(written)
    lost = (*await move_to_newest(store, seal), *await move_credentials(store, seal))
    return opened._replace(warnings=(*opened.warnings, *warnings, *lost))
