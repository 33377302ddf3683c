"""What the server's parts say of themselves: memory, the feed of changes, the writer, webhooks, the disk."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.times import SECOND
from flowkeys.telemetry.metrics.calls import buckets
from flowkeys.telemetry.metrics.sources import Sources

_READ_SECONDS: Final = 2.0
"""So long a scrape waits for the database; Prometheus waits for ten by default."""

Pending = tuple[int, int | None] | None


async def ask(sources: Sources) -> Pending:
    """Return what only the database knows; None: it did not answer."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(_READ_SECONDS):
            return await sources.pending()
    return None


def of_parts(sources: Sources, pending: Pending) -> Iterator[Metric]:
    """Yield all of it."""
    build = GaugeMetricFamily("flowkeys_build_info", "1, and which version this is.", labels=("version",))
    build.add_metric((sources.version,), 1)
    yield build
    yield from _memory(sources)
    yield from _feed(sources)
    yield from _writer(sources)
    yield from _webhooks(sources, pending)
    yield from _disk(sources, is_up=pending is not None)


def _memory(sources: Sources) -> Iterator[Metric]:
    yield _gauge("flowkeys_cached_keys", "Tokens that are kept in memory.", len(sources.keys))
    yield _gauge("flowkeys_cached_keys_limit", "So many are kept at most.", sources.most_keys)
    yield _gauge("flowkeys_cached_chatflows", "Chatflows that are kept in memory.", len(sources.chatflows))
    lookups = CounterMetricFamily(
        "flowkeys_lookups", "Reads of the database by calls: what was not in memory.", labels=("subject",)
    )
    lookups.add_metric(("key",), sources.lookups.keys_read)
    lookups.add_metric(("chatflow",), sources.lookups.chatflows_read)
    yield lookups
    yield _counter(
        "flowkeys_cache_emptied",
        "How often all keys in memory were forgotten: after a change of a policy, of very many keys, or a "
        "feed of changes that broke.",
        sources.keys.generation,
    )
    yield _gauge("flowkeys_rate_limit_entries", "Rate limits that are not refilled.", len(sources.limits))
    yield _gauge(
        "flowkeys_limits_counted_apart",
        "Whether several processes serve the database and each counts limits by itself.",
        sources.counts_apart(),
    )
    yield from _shared(sources)
    quotas = sources.quotas
    yield _gauge("flowkeys_quota_entries", "Keys and customers whose quotas are in memory.", len(quotas))
    yield _gauge("flowkeys_quota_reservations", "Runs for which tokens are reserved.", quotas.reservations)
    yield _counter(
        "flowkeys_quota_flush_failures",
        "How often what was used of quotas could not be stored; it is kept and tried again.",
        quotas.failed_flushes,
    )
    yield _gauge(
        "flowkeys_failing_addresses",
        "Addresses whose failed credentials are remembered.",
        len(sources.failures),
    )
    yield _counter(
        "flowkeys_failures_limited",
        "Failed credentials that were answered with 429, since their address had sent too many.",
        sources.failures.refused,
    )


def _shared(sources: Sources) -> Iterator[Metric]:
    shared = sources.shared
    if shared is None:
        return
    yield _gauge("flowkeys_limits_shared_up", "Whether Valkey, which counts limits, answers.", shared.is_up)
    yield _counter("flowkeys_limits_outages", "How often it did not any more.", shared.outages)
    yield _counter(
        "flowkeys_limits_degraded",
        "Decisions about limits and quotas of calls without it, refusals too.",
        shared.without,
    )


def _feed(sources: Sources) -> Iterator[Metric]:
    feed = sources.feed
    is_up = feed.current(sources.clock())
    yield _gauge(
        "flowkeys_revocation_bound_seconds",
        "So long after it was acknowledged a change, such as a revocation, holds in every process.",
        sources.promised_seconds,
    )
    yield HistogramMetricFamily(
        "flowkeys_revocation_lag_seconds",
        "For how long a decision may have rested on what was so before a change, from when the change was "
        "begun, its commit included; 0: on no decision did it have a bearing.",
        buckets(feed.lag),
        feed.lag.sum,
    )
    yield _gauge(
        "flowkeys_change_feed_up",
        "Whether changes are heard of (1). If not (0), every call reads the database.",
        is_up,
    )
    yield _counter(
        "flowkeys_change_feed_breaks", "How often changes were not heard of any more.", feed.breaks
    )
    yield _counter(
        "flowkeys_stale_acceptances",
        "Calls let in by what was known last, while the database was away (FLOWKEYS_STALE_SECONDS).",
        sources.stale.uses,
    )
    yield _gauge("flowkeys_change_feed_position", "The number of the last change.", feed.position)


def _writer(sources: Sources) -> Iterator[Metric]:
    writer = sources.writer
    yield _gauge("flowkeys_writer_queue", "Units of work that wait for the next commit.", writer.waiting)
    yield HistogramMetricFamily(
        "flowkeys_writer_commit_duration_seconds",
        "How long commits took, what they commit included.",
        buckets(writer.commits),
        writer.commits.sum,
    )
    yield _counter("flowkeys_writer_units", "Units of work that were committed.", writer.committed)
    yield _counter("flowkeys_writer_commit_failures", "Commits that failed.", writer.failures)
    yield _gauge("flowkeys_writer_up", "Whether the last commit went well (1).", not writer.failed)
    calls = sources.calls
    yield _gauge(
        "flowkeys_usage_waiting_rows",
        "Rows of usage that are not stored yet: what a crash would lose.",
        calls.waiting_rows,
    )
    yield _counter(
        "flowkeys_usage_flush_failures",
        "How often usage could not be stored; it is kept and tried again.",
        calls.failed_flushes,
    )
    yield _gauge(
        "flowkeys_usage_waiting_last_uses",
        "Keys whose last use is not stored yet.",
        len(sources.last_uses),
    )


def _webhooks(sources: Sources, pending: Pending) -> Iterator[Metric]:
    tries = CounterMetricFamily(
        "flowkeys_webhook_tries", "Tries to deliver an event to a webhook, by result.", labels=("result",)
    )
    for result in ("delivered", "failed"):
        tries.add_metric((result,), sources.tries.get(result, 0))
    yield tries
    if pending is None:
        return
    count, due = pending
    yield _gauge("flowkeys_webhook_deliveries_waiting", "Deliveries that are not made yet.", count)
    late = 0 if due is None else max(0, sources.clock() - due)
    yield _gauge(
        "flowkeys_webhook_overdue_seconds", "How long the first of those has been due.", late / SECOND
    )


def _disk(sources: Sources, *, is_up: bool) -> Iterator[Metric]:
    yield _gauge("flowkeys_database_up", "Whether the database could be read for this answer (1).", is_up)
    if sources.database is not None:
        yield from _files(sources.database)


def _files(database: Path) -> Iterator[Metric]:
    sizes = GaugeMetricFamily("flowkeys_database_size_bytes", "Size of its files.", labels=("file",))
    for name, suffix in (("main", ""), ("wal", "-wal")):
        with suppress(OSError):
            path = database.with_name(database.name + suffix)
            sizes.add_metric((name,), path.stat().st_size)
    yield sizes
    with suppress(OSError, AttributeError):  # Windows has no such call
        space = os.statvfs(database.parent)
        yield _gauge(
            "flowkeys_disk_free_bytes",
            "What is free on the disk that they are on.",
            space.f_frsize * space.f_bavail,
        )


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, float(value))


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, float(value))
