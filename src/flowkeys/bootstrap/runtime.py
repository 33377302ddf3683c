"""Opening a data directory: every service over it."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from flowkeys.cache.chatflows import ChatflowCache
from flowkeys.cache.keys import KeyCache
from flowkeys.config import Settings
from flowkeys.config.flows import document_limits, flow_settings
from flowkeys.documents.kinds import MEDIA_TYPES
from flowkeys.documents.parser import SubprocessParser
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.flows.drafts.drafts import Drafts
from flowkeys.flows.engine import Engine
from flowkeys.limits.failures import Failures
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.quota_flush import QuotaFlush
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.outbound.endpoints import Endpoints
from flowkeys.outbound.webhooks.worker import Worker, worker
from flowkeys.passwords.argon2 import Argon2Passwords
from flowkeys.service.audit.log import AuditService
from flowkeys.service.chatflows.chatflows import ChatflowService
from flowkeys.service.chatflows.jobs import ImportJobs
from flowkeys.service.chatflows.maker import ChatflowMaker
from flowkeys.service.customers.customers import CustomerService
from flowkeys.service.documents.collections import CollectionService, StoreRetriever
from flowkeys.service.followers import Followers
from flowkeys.service.keys.explainer import Explainer
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.keys.policies import Policies
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.people.links import LinkService
from flowkeys.service.people.people import PeopleService
from flowkeys.service.people.sign_ins import SignInLimits, SignInService
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.quotas import QuotaViews
from flowkeys.service.startup import Secrets
from flowkeys.service.usage.quotas import QuotaStore
from flowkeys.service.usage.reports import UsageReports
from flowkeys.service.usage.storing import UsageStore
from flowkeys.service.webhooks.webhooks import WebhookService
from flowkeys.service.workspaces import WorkspaceService
from flowkeys.storage.opening import open_under_secrets
from flowkeys.storage.sealed import AesSeal
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.changes import SqliteChanges
from flowkeys.storage.sqlite.database import SqliteStore, chatflow_loader
from flowkeys.storage.sqlite.feed import SqliteFeed
from flowkeys.storage.sqlite.lookups import SqliteLookups
from flowkeys.usage.buffer import UsageBuffer
from flowkeys.usage.calls import CallCounter


def clock() -> int:
    """Return the time in microseconds, UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The services over one data directory: what the server serves, and what its commands call."""

    settings: Settings
    store: SqliteStore
    hasher: TokenHasher
    warnings: tuple[str, ...]
    """What is not as it should be and keeps nothing from working: for the log, and for who runs a command."""
    keyring: Keyring
    policies: Policies
    customers: CustomerService
    chatflows: ChatflowService
    collections: CollectionService
    maker: ChatflowMaker
    imports: ImportJobs
    workspaces: WorkspaceService
    engine: Engine
    parser: SubprocessParser
    lookups: SqliteLookups
    feed: SqliteFeed
    keys: KeyCache
    directory: ChatflowCache
    usage: UsageBuffer
    calls: CallCounter
    usage_store: UsageStore
    quotas: QuotaFlush
    reports: UsageReports
    verifier: Verifier
    explainer: Explainer
    failures: Failures
    limits: MemoryLimits
    followers: Followers
    predictor: Predictor
    passwords: Argon2Passwords
    sign_ins: SignInService
    links: LinkService
    people: PeopleService
    audit: AuditService
    webhooks: WebhookService
    announcing: Worker

    async def close(self) -> None:
        """Flush what is buffered, end what runs, and close the store.

        In this order, and each although one before it failed: that is raised when all are closed.
        """
        async with AsyncExitStack() as last_first:
            last_first.callback(self.store.close)
            last_first.callback(self.lookups.close)
            last_first.push_async_callback(self.sign_ins.settled)
            last_first.callback(self.passwords.close)
            last_first.push_async_callback(self.parser.aclose)
            last_first.push_async_callback(self.engine.aclose)
            last_first.push_async_callback(self.usage_store.stop)
            last_first.push_async_callback(self.calls.stop)
            last_first.push_async_callback(self.quotas.stop)
            last_first.push_async_callback(self.usage.stop)
            last_first.push_async_callback(self.imports.aclose)
            last_first.push_async_callback(self.announcing.stop)


async def open_runtime(settings: Settings, *, check: bool = True) -> Runtime:
    """Open a data directory: make it, bring its schema up to date, and check its secret.

    Raises:
        ConfigurationError: saying what the operator has to change. `check` is False only for the command
            that gives keys up whose secret is lost.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}. Set FLOWKEYS_DATA_DIR."
        ) from error
    migrate.upgrade(settings.database)
    store = SqliteStore(settings.database)
    try:
        workspaces = WorkspaceService(store, clock)
        written = settings.given_secret(), settings.secret_file
        secrets = await open_under_secrets(store, *written, workspaces, clock, check=check)
        lookups = SqliteLookups(settings.database, len(secrets.hasher.secret_ids))
        try:
            return _assemble(settings, store, lookups, secrets, workspaces)
        except BaseException:
            lookups.close()
            raise
    except BaseException:
        store.close()
        raise


def _assemble(
    settings: Settings,
    store: SqliteStore,
    lookups: SqliteLookups,
    secrets: Secrets,
    workspaces: WorkspaceService,
) -> Runtime:
    hasher, every = secrets.hasher, settings.usage_flush_seconds
    # Each needs the other: the keyring that stores uses also shows those that are not stored yet.
    usage = UsageBuffer(lambda *buffered: keyring.flush(*buffered), every)  # noqa: PLW0108
    usage_store = UsageStore(store, clock, partial(_warn, "usage is not tidied"))
    calls = CallCounter(usage_store.add, clock, every, partial(_warn, "usage is kept"))
    quota_store = QuotaStore(store, clock, _warn_of_quota)
    quotas = MemoryQuotas(quota_store.load, clock)
    keyring = Keyring(store, hasher, clock, usage, QuotaViews(quotas))
    keys = KeyCache(lookups, feed := SqliteFeed(lookups.connection), hasher, usage, settings.cached_keys)
    directory = ChatflowCache(lookups, feed, chatflow_loader(lookups.connection), clock)
    followers = Followers(SqliteChanges(lookups.connection), feed, clock)
    store.after_commit.append(feed.catch_up)
    verifier = Verifier(keys, directory, usage, clock, rates := MemoryLimits(), quotas)
    limits = document_limits(settings)
    engine = Engine(flow_settings(settings), StoreRetriever(store))
    parser, passwords = SubprocessParser(limits), Argon2Passwords()
    staying = SignInLimits(days=settings.sign_in_days, idle_days=settings.sign_in_idle_days)
    sign_ins = SignInService(store, passwords, clock, staying)
    chatflows = ChatflowService(store, engine, clock)
    collections = CollectionService(store, parser, clock, limits)
    maker = ChatflowMaker(chatflows, collections, Drafts(engine.models), tuple(sorted(MEDIA_TYPES)))
    predictor = Predictor(store, directory, verifier, engine, clock)
    seal = AesSeal(secrets.written)
    announcing = worker(store, seal, Endpoints(settings.allowed_endpoints), clock)
    store.after_commit.append(announcing.wake)
    feed.tell(keys, directory, predictor, followers)
    return Runtime(
        settings=settings,
        store=store,
        hasher=hasher,
        warnings=secrets.warnings,
        keyring=keyring,
        policies=Policies(store, clock),
        customers=CustomerService(store, clock, QuotaViews(quotas)),
        chatflows=chatflows,
        collections=collections,
        maker=maker,
        imports=ImportJobs(maker),
        workspaces=workspaces,
        engine=engine,
        parser=parser,
        lookups=lookups,
        feed=feed,
        keys=keys,
        directory=directory,
        usage=usage,
        calls=calls,
        usage_store=usage_store,
        quotas=QuotaFlush(quotas, quota_store.add, every, partial(_warn, "use of quotas is kept")),
        reports=UsageReports(store, calls, clock),
        verifier=verifier,
        followers=followers,
        explainer=Explainer(keys, directory, usage, clock),
        limits=rates,
        failures=Failures(settings.failures_per_second, settings.failures_burst),
        predictor=predictor,
        passwords=passwords,
        sign_ins=sign_ins,
        links=LinkService(store, passwords, sign_ins, clock),
        people=PeopleService(store, clock),
        audit=AuditService(store),
        webhooks=WebhookService(store, seal, announcing.sender, clock),
        announcing=announcing,
    )


def _warn(event: str, why: str) -> None:
    structlog.get_logger("flowkeys").warning(event, detail=why)


def _warn_of_quota(facts: dict[str, Any]) -> None:
    structlog.get_logger("flowkeys").warning("quota threshold", **facts)
