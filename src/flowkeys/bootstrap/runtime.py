"""Every service over one data directory."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

import structlog

from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.engine import Database, ServerStore
from flowkeys.bootstrap.flows import FlowParts
from flowkeys.bootstrap.once import once
from flowkeys.bootstrap.people import PeopleParts
from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.cache.stale import Stale
from flowkeys.config import Settings
from flowkeys.limits.failures import Failures
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.quota_flush import QuotaFlush
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.limits.ready import ReadyInMemory
from flowkeys.service.flows.values import Values
from flowkeys.service.flows.vault import Vault
from flowkeys.service.followers import Followers
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.people.set_up import SetUp
from flowkeys.service.people.workspaces import WorkspaceService
from flowkeys.service.ports.limits import Together
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.predictions.waiting import WaitingRuns
from flowkeys.service.startup import Secrets
from flowkeys.service.usage.quotas import QuotaStore
from flowkeys.service.usage.storing import UsageStore
from flowkeys.storage.secrets.sealed import AesSeal
from flowkeys.usage.buffer import UsageBuffer
from flowkeys.usage.calls import CallCounter

if TYPE_CHECKING:
    from flowkeys.domain.chatflows.chatflow import Chatflow
    from flowkeys.domain.errors import FlowkeysError
    from flowkeys.limits.shared.rates import SharedLimits
    from flowkeys.limits.shared.valkey import Valkey
    from flowkeys.outbound.webhooks.worker import Worker
    from flowkeys.service.audit.log import AuditService
    from flowkeys.service.customers.customers import CustomerService
    from flowkeys.service.keys.explainer import Explainer
    from flowkeys.service.keys.keyring import Keyring
    from flowkeys.service.keys.policies import Policies
    from flowkeys.service.ports.flows import CompiledFlow
    from flowkeys.service.usage.reports import UsageReports
    from flowkeys.service.webhooks.webhooks import WebhookService


class Runtime(FlowParts, PeopleParts):
    """The services over one data directory: what the server serves, and what its commands call.

    What verification and predictions need is made at once. All else is made, and its modules are imported,
    when it is first asked for: by the command that needs it, or behind a start, with the framework.
    """

    counts_apart = False
    """Whether several processes serve the database and each counts limits by itself."""

    def __init__(
        self,
        settings: Settings,
        store: ServerStore,
        database: Database,
        secrets: Secrets,
        workspaces: WorkspaceService,
    ) -> None:
        self.lock = RLock()
        """Held while one of the parts is made."""
        self.settings = settings
        self.store = store
        self.database = database
        self.lookups = database.lookups
        self.workspaces = workspaces
        self.hasher = secrets.hasher
        self.warnings = secrets.warnings
        """What is not as it should be and keeps nothing from working."""
        self.leaving = asyncio.Event()
        """Set when the process is about to stop, or was replaced: whoever chooses servers chooses another."""
        self.is_first = True
        """Whether it says what one process of a server is to say."""
        self.set_up = SetUp(store, clock)
        every = settings.usage_flush_seconds
        flush = lambda *buffered: self.keyring.flush(*buffered)  # noqa: E731, PLW0108  # later
        self.usage = UsageBuffer(flush, every, partial(_warn, "last uses are not stored"))
        self.usage_store = UsageStore(store, clock, partial(_warn, "usage is not tidied"))
        self.calls = CallCounter(self.usage_store.add, clock, every, partial(_warn, "usage is not stored"))
        self.feed = database.feed
        log = structlog.get_logger("flowkeys")
        self.stale = Stale(self.feed, database.bound_ms, settings.stale_seconds, log)
        lookups, most = database.lookups, settings.cached_keys
        self.keys = KeyCache(lookups, self.feed, self.hasher, self.usage, most, self.stale)
        self.directory = ChatflowCache(lookups, self.feed, database.load, clock, stale=self.stale)
        self.followers = Followers(database.changes, self.feed, clock, database.bound_ms, secrets.hasher)
        alone = MemoryLimits()
        self.limits: MemoryLimits | SharedLimits = alone
        self.failures = Failures(settings.failures_per_second, settings.failures_burst)
        quota_store = QuotaStore(store, clock, _warn_of_quota)
        self._quotas = MemoryQuotas(quota_store.load, clock, beside_others=settings.limits == "per-process")
        self.valkey: Valkey | None = None
        """Where several processes count together; None: this one counts alone."""
        together: Together | None = None
        if settings.valkey is not None:
            from flowkeys.bootstrap.shared import Shared

            shared = Shared(settings, _warn, alone, (quota_store.load, self._store_quotas), clock)
            self.valkey, together, self.tries = shared.valkey, shared.together, shared.tries
            self.limits, self._quotas, self.failures = shared.limits, shared.quotas, shared.failures
        self.quotas = QuotaFlush(
            self._quotas, quota_store.add, every, partial(_warn, "use of quotas is not stored")
        )
        counting = (
            self.limits,
            self._quotas,
            None if together else ReadyInMemory(alone, self._quotas),
            together,
        )
        self.verifier = Verifier(self.keys, self.directory, self.usage, clock, *counting)
        self.waiting = WaitingRuns(store, clock, settings.waiting_run_days)
        self.predictor = Predictor(
            *(store, self.directory, self.verifier, _Compiler(self), clock, self.waiting), _failed_inside
        )
        self._seal = AesSeal(secrets.written)
        self.vault, self.values = (
            Vault(store, self._seal, self._forget_flows),
            Values(store, settings.variables, settings.environment()),
        )
        if settings.python_flows or settings.credentials or settings.allowed_endpoints:
            _ = self.engine  # says what is wrong with them
        self.feed.tell(
            self.keys, self.directory, self.predictor.flows, self.followers, self.vault, self.values
        )

    async def _store_quotas(self) -> bool:
        return await self.quotas.flush()

    def _forget_flows(self) -> None:
        if self._is_made("engine"):
            self.engine.forget()
        self.predictor.flows.forget()

    # Keys, and whose they are

    @once
    def keyring(self) -> "Keyring":
        """All writes to keys."""
        from flowkeys.service.keys.keyring import Keyring
        from flowkeys.service.quotas import QuotaViews

        return Keyring(self.store, self.hasher, clock, self.usage, QuotaViews(self._quotas))

    @once
    def explainer(self) -> "Explainer":
        """Why a key is good or refused."""
        from flowkeys.service.keys.explainer import Explainer

        return Explainer(self.keys, self.directory, self.usage, clock, self._quotas, self.limits)

    @once
    def policies(self) -> "Policies":
        """What workspaces ask of all their keys."""
        from flowkeys.service.keys.policies import Policies

        return Policies(self.store, clock)

    @once
    def customers(self) -> "CustomerService":
        """Whom keys belong to."""
        from flowkeys.service.customers.customers import CustomerService
        from flowkeys.service.quotas import QuotaViews

        return CustomerService(self.store, clock, QuotaViews(self._quotas))

    @once
    def reports(self) -> "UsageReports":
        """How much was used."""
        from flowkeys.service.usage.reports import UsageReports

        return UsageReports(self.store, self.calls, clock)

    @once
    def audit(self) -> "AuditService":
        """The audit log, to be read."""
        from flowkeys.service.audit.log import AuditService

        return AuditService(self.store)

    # Webhooks

    @once
    def announcing(self) -> "Worker":
        """What sends what is announced, once it was started."""
        from flowkeys.outbound.endpoints import Endpoints
        from flowkeys.outbound.webhooks.worker import worker

        made = worker(self.store, self._seal, Endpoints(self.settings.allowed_endpoints), clock)
        self.store.after_commit.append(made.wake)
        return made

    @once
    def webhooks(self) -> "WebhookService":
        """Where events are announced."""
        from flowkeys.service.webhooks.webhooks import WebhookService

        return WebhookService(self.store, self._seal, self.announcing.sender, clock)

    async def close(self) -> None:
        """Flush what is buffered, end what runs, close the store: each although one before it failed."""
        async with AsyncExitStack() as last_first:
            last_first.callback(self.store.close)
            last_first.push_async_callback(self.database.close)
            last_first.push_async_callback(self.vault.aclose)
            last_first.push_async_callback(self.values.aclose)
            if self._is_made("sign_ins"):
                last_first.push_async_callback(self.sign_ins.settled)
            if self._is_made("passwords"):
                last_first.callback(self.passwords.close)
            if self._is_made("parser"):
                last_first.push_async_callback(self.parser.aclose)
            if self._is_made("engine"):
                last_first.push_async_callback(self.engine.aclose)
            if self.valkey is not None:
                last_first.push_async_callback(self.valkey.stop)
                last_first.push_async_callback(self._quotas.drain)
            last_first.push_async_callback(self.usage_store.stop)
            last_first.push_async_callback(self.calls.stop)
            last_first.push_async_callback(self.quotas.stop)
            last_first.push_async_callback(self.usage.stop)
            if self._is_made("imports"):
                last_first.push_async_callback(self.imports.aclose)
            if self._is_made("announcing"):
                last_first.push_async_callback(self.announcing.stop)

    def _is_made(self, name: str) -> bool:
        return name in self.__dict__


class _Compiler:
    """Implements the port `FlowCompiler`; what runs chatflows is loaded when the first of them is."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def compile(self, chatflow: "Chatflow") -> "CompiledFlow":
        """See `FlowCompiler`."""
        return self._runtime.engine.compile(chatflow)


def _failed_inside(error: "FlowkeysError", chatflow_id: str) -> None:
    """Log why a chatflow failed that another one called."""
    from flowkeys.web.predictions.failures import log_failure

    log_failure(error, chatflow_id=chatflow_id)


def _warn(event: str, why: str) -> None:
    structlog.get_logger("flowkeys").warning(event, detail=why)


def _warn_of_quota(facts: dict[str, Any]) -> None:
    structlog.get_logger("flowkeys").warning("quota threshold", **facts)
