"""One scrape: all numbers, in the form that is asked for."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client import make_asgi_app as _answer
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from flowkeys.telemetry.metrics.calls import of_calls, of_requests
from flowkeys.telemetry.metrics.parts import ask, of_parts
from flowkeys.telemetry.metrics.sources import Sources

_PROCESS: Final = (
    ProcessCollector(registry=None),
    PlatformCollector(registry=None),
    GCCollector(registry=CollectorRegistry()),
)


class _Found(Collector):
    """What was found, as a registry takes it."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """Return it."""
        return self._metrics

    describe = collect


async def scrape(sources: Sources) -> Any:
    """Return an ASGI application that answers one request with what is so now.

    Calls are summed up a little at a time, so that those that come meanwhile are not kept waiting.
    """
    totals, pending = await asyncio.gather(sources.calls.summed(), ask(sources))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(
        _Found(
            (
                *of_calls(totals, sources.calls.tally),
                *of_requests(sources),
                *of_parts(sources, pending),
                *(metric for collector in _PROCESS for metric in collector.collect()),
            )
        )
    )
    return _answer(registry)
