"""The backend over the data directory of this machine: the operator's right, no HTTP."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from operator import length_hint
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from flowkeys import bootstrap, config
from flowkeys.bootstrap import Runtime
from flowkeys.cli.backends import batches as import_report
from flowkeys.cli.backends import used
from flowkeys.cli.backends.asking import answer
from flowkeys.cli.backends.audit import LocalAudit
from flowkeys.cli.backends.backend import (
    Asked,
    BulkAction,
    Emit,
    Json,
    KeyFilter,
    Listed,
    Part,
    Progress,
    Question,
    UsageOf,
)
from flowkeys.cli.backends.customers import LocalCustomers
from flowkeys.cli.backends.flows.chatflows import LocalChatflows
from flowkeys.cli.backends.flows.credentials import LocalCredentials
from flowkeys.cli.backends.flows.variables import LocalVariables
from flowkeys.cli.backends.part import listed, slice_of
from flowkeys.cli.backends.policies import LocalPolicies
from flowkeys.cli.backends.reports import LocalReports
from flowkeys.cli.backends.webhooks import LocalWebhooks
from flowkeys.cli.streams import note
from flowkeys.documents.folder import read_folder
from flowkeys.domain.errors import ConfigurationError, InvalidInput, Unavailable
from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.keys.decision import AccessRequest
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.token import Token
from flowkeys.domain.listing import ChatflowQuery, KeyQuery
from flowkeys.domain.permissions import KNOWN
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.documents.collections import DocumentLimits
from flowkeys.service.keys.input import KeyPatch, NewKey, client_of, read_within
from flowkeys.service.keys.rotations import NewRotation
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.telemetry import logs
from flowkeys.web import render

T = TypeVar("T")


@contextmanager
def open_local(workspace: str | None, *, create: bool, check: bool = True) -> Iterator["LocalBackend"]:
    """Open the data directory for one command.

    Raises:
        ConfigurationError: it cannot be opened, or it has no database and the command makes none.
        NotFound: there is no such workspace.
    """
    settings = config.load()
    logs.configure("warning", settings.log_format)
    if settings.database_url is None and not settings.database_file.exists():
        if not create:
            raise ConfigurationError(
                f"There is no flowkeys database in {settings.data_dir}. Set FLOWKEYS_DATA_DIR to the "
                "server's, or make one with: flowkeys serve, flowkeys keys create NAME."
            )
        note(f"Making the data directory {settings.data_dir}.")
    with asyncio.Runner() as runner:
        runtime = runner.run(bootstrap.open_runtime(settings, check=check))
        for warning in runtime.warnings:
            note(f"Warning: {warning}")
        try:
            found = runtime.workspaces.default() if workspace is None else runtime.workspaces.get(workspace)
            yield LocalBackend(runner, runtime, Caller(operator(runner.run(found).id)))
        except Unavailable as error:
            if settings.database_url is None and (why := hindrance(settings.database_file)):
                raise ConfigurationError(f"{error} {why}") from error
            raise
        finally:
            runner.run(runtime.close())


class LocalBackend(LocalChatflows):
    """Implements `Backend` by calling the services."""

    def __init__(self, runner: asyncio.Runner, runtime: Runtime, caller: Caller) -> None:
        self._runner = runner
        self.runtime = runtime
        self.caller = caller

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of a service to its end."""
        return self._runner.run(work)

    @property
    def address(self) -> str:
        """Where the server would be."""
        settings = self.runtime.settings
        if not settings.has_port:
            return str(settings.uds)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"http://{host}:{settings.port}"

    @property
    def policies(self) -> LocalPolicies:
        """The policy of the workspace."""
        return LocalPolicies(self.run, self.runtime.policies, self.caller)

    @property
    def audit(self) -> LocalAudit:
        """The audit log."""
        return LocalAudit(self.run, self.runtime.audit, self.caller)

    @property
    def customers(self) -> LocalCustomers:
        """The customers."""
        return LocalCustomers(self.run, self.runtime.customers, self.caller)

    @property
    def webhooks(self) -> LocalWebhooks:
        """The webhooks."""
        return LocalWebhooks(self.run, self.runtime.webhooks, self.caller)

    @property
    def credentials(self) -> LocalCredentials:
        """The credentials."""
        return LocalCredentials(self.run, self.runtime.credentials, self.caller)

    @property
    def variables(self) -> LocalVariables:
        """The variables."""
        return LocalVariables(self.run, self.runtime.variables, self.caller)

    @property
    def reports(self) -> LocalReports:
        """The reports."""
        return LocalReports(self.run, self.runtime.keyring, self.caller)

    def create_key(self, new: NewKey) -> Json:
        """Make a key."""
        return render.made_key(self.run(self.runtime.keyring.create(self.caller, new)), bootstrap.clock())

    def key(self, key_id: str) -> Json:
        """Return a key."""
        return render.key(self.run(self.runtime.keyring.get(self.caller, key_id)), bootstrap.clock())

    def keys(self, wanted: KeyFilter, part: Part) -> Listed:
        """Return keys."""
        limit, offset = slice_of(part)
        ahead: Any = wanted.expires_within
        query = KeyQuery(
            workspace_id=self.caller.workspace_id,
            search=wanted.search,
            status="all" if wanted.status == "all" else Status(wanted.status) if wanted.status else None,
            chatflow_id=wanted.chatflow_id,
            created_by_id=wanted.created_by,
            customer_id=wanted.customer_id,
            expires_by=ahead and read_within(ahead, bootstrap.clock()),
            sort=wanted.sort.removeprefix("-"),  # type: ignore[arg-type]  # the command checks it
            descending=wanted.sort.startswith("-"),
            limit=limit,
            offset=offset,
        )
        found = self.run(self.runtime.keyring.page(self.caller, query))
        now = bootstrap.clock()
        return listed(part, [render.key(item, now) for item in found.items], found.total)

    def update_key(self, key_id: str, patch: KeyPatch) -> Json:
        """Change a key."""
        changed = self.run(self.runtime.keyring.update(self.caller, key_id, patch))
        return render.key(changed, bootstrap.clock())

    def rotate_key(self, key_id: str, new: NewRotation) -> Json:
        """Give a key a new token."""
        made = self.run(self.runtime.keyring.rotations.begin(self.caller, key_id, new))
        return render.made_key(made, bootstrap.clock())

    def set_grace(self, key_id: str, grace_seconds: int) -> Json:
        """Let the old token of a key that is being rotated end in so many seconds."""
        work = self.runtime.keyring.rotations.set_grace(self.caller, key_id, grace_seconds)
        return render.key(self.run(work), bootstrap.clock())

    def enable_key(self, key_id: str, *, enabled: bool) -> Json:
        """Enable or disable a key."""
        keyring = self.runtime.keyring
        change = keyring.enable if enabled else keyring.disable
        return render.key(self.run(change(self.caller, key_id)), bootstrap.clock())

    def revoke_key(self, key_id: str) -> bool:
        """Revoke a key."""
        return self.run(self.runtime.keyring.revoke(self.caller, key_id))

    def change_keys(self, action: BulkAction, key_ids: list[str]) -> Json:
        """Change keys, all of them or none."""
        keyring = self.runtime.keyring
        change = {
            "disable": keyring.disable_many,
            "enable": keyring.enable_many,
            "revoke": keyring.revoke_many,
        }[action]
        return msgspec.structs.asdict(self.run(change(self.caller, key_ids)))

    def verify(self, asked: Asked) -> Json:
        """Say whether a token is good."""
        wanted, client = self._wanted(asked)
        parsed = Token.parse(asked.token)
        if parsed is None:
            from flowkeys.domain.keys.bearer import UNKNOWN

            return render.verified(UNKNOWN)
        return render.verified(self.run(self.runtime.verifier.verify(parsed, wanted, client)))

    def explain(self, asked: Asked) -> Json:
        """Say step by step why a token is good or refused."""
        wanted, client = self._wanted(asked)
        explained = self.runtime.explainer.explain(asked.token, wanted, client, counts=False)
        return render.explained(self.run(explained))

    def _wanted(self, asked: Asked) -> tuple[AccessRequest, Client | None]:
        if asked.permission is not None and asked.permission not in KNOWN:
            raise InvalidInput.of("permission", "There is no such permission.")
        permissions = () if asked.permission is None else (asked.permission,)
        client = None if asked.address is None else client_of(asked.address)
        return AccessRequest(asked.chatflow_id, permissions, self.caller.workspace_id), client

    def usage(self, of: UsageOf) -> Listed:
        """Return how much was used."""
        return self.run(used.stored(self.runtime, self.caller, of))

    def chatflows(self, search: str, part: Part) -> Listed:
        """Return chatflows."""
        limit, offset = slice_of(part)
        query = ChatflowQuery(
            workspace_id=self.caller.workspace_id, search=search, limit=limit, offset=offset
        )
        found = self.run(self.runtime.chatflows.page(self.caller, query))
        return listed(part, [render.chatflow(item) for item in found.items], found.total)

    def bind(self, chatflow_id: str, key_id: str) -> Json:
        """Bind one key more."""
        return render.chatflow(self.run(self.runtime.chatflows.bind(self.caller, chatflow_id, key_id)))

    def unbind(self, chatflow_id: str, key_id: str) -> Json:
        """Unbind one key."""
        return render.chatflow(self.run(self.runtime.chatflows.unbind(self.caller, chatflow_id, key_id)))

    def delete_chatflow(self, chatflow_id: str) -> None:
        """Delete a chatflow."""
        self.run(self.runtime.chatflows.delete(self.caller, chatflow_id))

    def collections(self) -> list[Json]:
        """Return every collection."""
        return [msgspec.structs.asdict(item) for item in self.run(self.runtime.collections.all(self.caller))]

    def create_collection(self, name: str) -> Json:
        """Make a collection."""
        return msgspec.structs.asdict(self.run(self.runtime.collections.create(self.caller, name)))

    def delete_collection(self, collection_id: str) -> None:
        """Delete a collection."""
        self.run(self.runtime.collections.delete(self.caller, collection_id))

    def import_folder(self, collection_id: str, folder: Path, progress: Progress) -> Json:
        """Add a folder's documents, those that changed."""
        settings = self.runtime.settings
        limits = DocumentLimits(file_bytes=settings.max_document_bytes, files=settings.max_documents)
        files = read_folder(folder, limits, progress.left_out)
        progress.begin(length_hint(files))

        def add(batch: list[tuple[str, bytes]]) -> Json:
            adding = self.runtime.collections.add_files(self.caller, collection_id, batch, progress.done)
            return msgspec.structs.asdict(self.run(adding))

        return import_report.in_batches(files, add)

    def predict(self, question: Question) -> Json:
        """Ask as the operator, or with a token as its holder."""
        return self._ask(question)

    def stream(self, question: Question, emit: Emit) -> None:
        """Ask, and hand on each event."""
        self._ask(question, emit)

    def setting(self, name: str) -> Any:
        """Return a setting."""
        return getattr(self.runtime.settings, name)

    def _ask(self, question: Question, emit: Emit | None = None) -> Json:
        folder = str(self.runtime.settings.python_path.absolute())
        if folder not in sys.path:
            sys.path.insert(0, folder)
        return self.run(answer(self.runtime, self.caller, question, emit))
