"""The application over what was opened, and what runs in the background as long as it does."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.runtime import Runtime
from flowkeys.cache.warming import Warming
from flowkeys.domain.keys.header import KeyHeader
from flowkeys.domain.times import SECOND
from flowkeys.domain.version import VERSION
from flowkeys.service.audit.daily import DailyHead
from flowkeys.service.followers import Pruning
from flowkeys.service.recurring import Recurring
from flowkeys.telemetry import logs
from flowkeys.usage.finishing import Finishing

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from flowkeys.web.hot import FastPath
    from flowkeys.web.services import Services


_ANNOUNCE_AFTER_SECONDS: Final = 0.5
"""What sends is loaded behind a start: what waited for a webhook through a stop waits that much longer."""


_TIDY_SECONDS: Final = 30.0


class Stopped(Protocol):
    """What is done in the background until it is stopped."""

    async def stop(self) -> None:
        """End it."""
        ...


def create_app(runtime: Runtime) -> "FastPath":
    """Return the ASGI application over an open runtime; its lifespan closes it."""
    # Commands that serve nothing need none of it.
    from flowkeys.web import app
    from flowkeys.web.refusals import Refusals
    from flowkeys.web.requests.address import TrustedProxies
    from flowkeys.web.requests.origin import PublicUrls

    settings = runtime.settings
    logs.configure_once(settings.log_level, settings.log_format)
    access_log = logs.AccessLog(as_text=logs.is_text(settings.log_format)) if settings.access_log else None

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await _begin(runtime)
        runtime.usage.start()
        runtime.calls.start()
        runtime.quotas.start()
        runtime.usage_store.start()
        log = structlog.get_logger("flowkeys")
        background = _background(runtime, log)
        announcing = asyncio.create_task(_announce(runtime, log), name="flowkeys-announcing")
        if gc.isenabled():  # `serve` turned it off: looking through all that is loaded takes long
            gc.collect()
        gc.freeze()  # what was made at start lives to the end: no collection need look at it
        gc.enable()
        try:
            yield
        finally:
            if access_log is not None:
                access_log.close()
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)
            for task in background:
                await task.stop()
            await runtime.close()
            if traces is not None:
                await asyncio.to_thread(traces.stop)

    traces = None
    if settings.traces:
        from flowkeys.telemetry.traces.exporting import provider
        from flowkeys.telemetry.traces.tracing import Traces

        traces = runtime.engine.models.tracing = Traces(provider())
    public_urls = PublicUrls(settings.public_url)
    proxies = TrustedProxies(settings.trusted_proxies)
    refusals = Refusals(runtime.failures, clock)
    key_header = KeyHeader.named(settings.key_header)

    def services() -> "Services":
        from flowkeys.web.services import Services

        _ = runtime.engine  # loaded now, for the first chatflow
        return Services(
            verifier=runtime.verifier,
            calls=runtime.calls,
            usage=runtime.reports,
            uses=runtime.usage,
            explainer=runtime.explainer,
            followers=runtime.followers,
            leaving=runtime.leaving,
            keyring=runtime.keyring,
            policies=runtime.policies,
            customers=runtime.customers,
            chatflows=runtime.chatflows,
            predictor=runtime.predictor,
            collections=runtime.collections,
            maker=runtime.maker,
            flow_imports=runtime.flow_imports,
            imports=runtime.imports,
            directory=runtime.directory,
            check_writes=runtime.store.check_writes,
            limits=partial(_limits, runtime),
            sign_ins=runtime.sign_ins,
            links=runtime.links,
            people=runtime.people,
            audit=runtime.audit,
            webhooks=runtime.webhooks,
            credentials=runtime.credentials,
            variables=runtime.variables,
            executions=runtime.executions,
            tools=runtime.tools,
            public_urls=public_urls,
            key_header=key_header,
            proxies=proxies,
            refusals=refusals,
            clock=clock,
            max_body_bytes=settings.max_body_bytes,
            max_upload_bytes=settings.max_upload_bytes,
            version=VERSION,
        )

    front = app.Front(
        verifier=runtime.verifier,
        calls=runtime.calls,
        predictor=runtime.predictor,
        directory=runtime.directory,
        refusals=refusals,
        proxies=proxies,
        path=public_urls.path,
        key_header=key_header,
        max_body_bytes=settings.max_body_bytes,
    )
    return app.create(front, services, lifespan, access_log, traces)


def create_metrics(runtime: Runtime, connections: Callable[[], int]) -> "ASGIApp":
    """Return what answers on the port of metrics; `connections` tells how many the server has."""
    from flowkeys.telemetry.metrics.app import Metrics
    from flowkeys.telemetry.metrics.sources import Sources

    settings = runtime.settings
    return Metrics(
        Sources(
            version=VERSION,
            clock=clock,
            calls=runtime.calls,
            keys=runtime.keys,
            most_keys=settings.cached_keys,
            chatflows=runtime.directory,
            lookups=runtime.lookups,
            feed=runtime.feed,
            stale=runtime.stale,
            promised_seconds=runtime.database.bound_ms / 1000,
            writer=runtime.store.writer,
            last_uses=runtime.usage,
            limits=runtime.limits,
            shared=runtime.valkey,
            counts_apart=lambda: runtime.counts_apart,
            quotas=runtime.quotas,
            failures=runtime.failures,
            tries=runtime.announcing.results,
            pending=lambda: runtime.store.read(lambda tx: tx.deliveries.pending()),
            database=settings.database_file if settings.database_url is None else None,
            connections=connections,
        )
    )


async def _begin(runtime: Runtime) -> None:
    """Connect to Valkey; give Python flows threads of their own for what they do in those of the loop."""
    if runtime.settings.python_flows:
        from flowkeys.flows.objects.threads import LoopThreads

        asyncio.get_running_loop().set_default_executor(LoopThreads(runtime.settings.python_threads))
    if runtime.valkey is not None:
        await runtime.valkey.start()


def _background(runtime: Runtime, log: Any) -> list[Stopped]:
    """Begin what is done in the background; return it in the order in which it ends."""
    warming = _warming(runtime, log)
    warming.start()
    own: list[Stopped] = []
    if runtime.is_first:
        own = [DailyHead.started(runtime.store, log), _pruning(runtime), _tidying(runtime)]
    return [*own, Finishing.started(partial(_finish, runtime), log), warming]


def _warming(runtime: Runtime, log: Any) -> Warming:
    """Begin to follow changes, and return what reads keys ahead."""
    database = runtime.database
    database.start()
    return Warming(runtime.keys, database.lookups, runtime.hasher, clock, log, database.of_key)


def _pruning(runtime: Runtime) -> Recurring:
    """Begin to delete old changes."""
    warn = structlog.get_logger("flowkeys").warning
    kept = runtime.settings.change_hours * 3600 * SECOND
    pruning = Pruning(runtime.store, clock, kept, lambda why: warn("old changes are kept", detail=why))
    pruning.recurring.start()
    return pruning.recurring


def _tidying(runtime: Runtime) -> Recurring:
    """Begin to end runs that waited too long, and to let those wait again whose answers were cut off."""
    warn = structlog.get_logger("flowkeys").warning
    failed = lambda error: warn("waiting runs are not tidied", detail=str(error))  # noqa: E731
    tidying = Recurring("flowkeys-tidying", runtime.waiting.tidy, _TIDY_SECONDS, failed)
    tidying.start()
    return tidying


def _limits(runtime: Runtime) -> str | None:
    if runtime.valkey is None:
        return "per-process" if runtime.counts_apart else None
    if runtime.valkey.is_up:
        return "shared"
    return "refused" if runtime.settings.limits_without_valkey == "refuse" else "per-process"


async def _finish(runtime: Runtime) -> int:
    return await runtime.keyring.rotations.finish_unused()


async def _announce(runtime: Runtime, log: Any) -> None:
    """Begin to send what is announced, when those who waited for the server had their answers."""
    await asyncio.sleep(_ANNOUNCE_AFTER_SECONDS)
    worker = await asyncio.to_thread(lambda: runtime.announcing)
    worker.start(log)
