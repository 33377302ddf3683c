"""Scrapes, read by the library that wrote them."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

UNITS = ("_seconds", "_bytes", "_info")
BASE = re.compile(
    r"_(milliseconds|microseconds|minutes|hours|days|kilobytes|megabytes|kib|mib|ms|us|percent)\b"
)


def get(
    running: Running, path: str = "/metrics", method: str = "GET", **headers: str | bytes
) -> httpx.Response:
    """Ask the port of metrics."""
    assert running.metrics_url is not None
    url = running.metrics_url.removesuffix("/metrics")
    return httpx.request(method, f"{url}{path}", headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)


def families(text: str) -> list[Any]:
    """Return what a scrape says."""
    return list(text_string_to_metric_families(text))


def samples(running: Running) -> Iterator[Sample]:
    """Yield the samples of a scrape."""
    response = get(running)
    assert response.status_code == 200, response.text
    for family in families(response.text):
        yield from family.samples


def values(running: Running, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric, by the values of its labels in the order of their names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for sample in samples(running)
        if sample.name == name
    }


def value(running: Running, name: str) -> float:
    """Return the value of a metric without labels."""
    return values(running, name)[()]


def lint(family: Any) -> list[str]:
    """Return what Prometheus' own rules say against a metric.

    https://prometheus.io/docs/practices/naming/ and what ``promtool check metrics`` looks at.
    """
    name, found = family.name, []
    if not family.documentation.endswith("."):
        found.append("its help is no sentence")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or "__" in name:
        found.append("its name is not in lower case with underscores")
    if BASE.search(name):
        found.append("its unit is no base unit")
    if name.endswith("_total"):
        found.append("the parser did not take _total for the suffix of a counter")
    if family.type != "counter" and any(sample.name.endswith("_total") for sample in family.samples):
        found.append("_total is for counters")
    if family.type == "counter" and not all(s.name.endswith("_total") for s in family.samples):
        found.append("counters end with _total")
    if re.search(r"_(gauge|counter|histogram|summary|count|sum|bucket)$", name):
        found.append("its name says its type")
    if family.type == "histogram" and not name.endswith(("_seconds", "_bytes")):
        found.append("a histogram needs its unit")
    return [f"{name}: {what}" for what in found]
