"""Usage in its wire form: JSON, CSV (RFC 4180) or a JSON document on each line."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from flowkeys.domain.times import to_iso
from flowkeys.domain.usage.latency import Percentiles
from flowkeys.domain.usage.usage import Series, Sums, Top
from flowkeys.service.usage.reports import Summary

Json = dict[str, Any]

_NUMBERS = ("tokensIn", "tokensOut", "tokensEstimated", "bytesIn", "bytesOut")
_PERCENTILES = ("p50", "p95", "p99")


def steps(series: Series) -> list[Json]:
    """Return each hour or day of a period, those without a call included."""
    return [{"time": to_iso(time), **sums(of)} for time, of in series.steps]


def sums(of: Sums) -> Json:
    """Return what calls add up to. No call was let in: no latency."""
    return {
        "calls": of.calls,
        "outcomes": dict(sorted(of.outcomes.items())),
        "tokensIn": of.tokens_in,
        "tokensOut": of.tokens_out,
        "tokensEstimated": of.tokens_estimated,
        "bytesIn": of.bytes_in,
        "bytesOut": of.bytes_out,
        "latencyMs": _latency(of.percentiles),
    }


def report(series: Series) -> Json:
    """Return a period with its sum."""
    period = series.period
    return {
        "from": to_iso(period.first),
        "to": to_iso(period.end),
        "step": period.step,
        "total": sums(series.total),
        "data": steps(series),
    }


def summary(found: Summary) -> Json:
    """Return a period of a workspace, and what was used most in it."""
    return {
        **report(found.series),
        "keys": [_top(each, "keyName") for each in found.keys],
        "chatflows": [_top(each, "flowName") for each in found.chatflows],
    }


def as_csv(found: Sequence[Json]) -> str:
    """Return a line for each step, with a column for each outcome that occurs."""
    outcomes = sorted({outcome for step in found for outcome in step["outcomes"]})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["time", "calls", *_NUMBERS, *(f"{name}Ms" for name in _PERCENTILES), *outcomes])
    for step in found:
        latency = step["latencyMs"] or {}
        writer.writerow(
            [
                *(step[name] for name in ("time", "calls", *_NUMBERS)),
                *(latency.get(name, "") for name in _PERCENTILES),
                *(step["outcomes"].get(outcome, 0) for outcome in outcomes),
            ]
        )
    return text.getvalue()


def as_lines(documents: Iterable[Json]) -> str:
    """Return a document on each line."""
    return "".join(f"{msgspec.json.encode(each).decode()}\n" for each in documents)


def _latency(found: Percentiles | None) -> Json | None:
    return None if found is None else {"p50": found.p50, "p95": found.p95, "p99": found.p99}


def _top(top: Top, name: str) -> Json:
    return {"id": top.id, name: top.name, "calls": top.calls, "ok": top.ok}
