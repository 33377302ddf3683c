"""What callers do: calls at each door, tokens and bytes, and all other requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from flowkeys.domain.usage.latency import BOUNDS, BUCKETS
from flowkeys.domain.usage.tally import Histogram, Tally
from flowkeys.domain.usage.usage import (
    BYTES_IN,
    BYTES_OUT,
    CLIENT_GONE,
    OK,
    REFUSED,
    TOKENS_IN,
    TOKENS_OUT,
    Door,
)
from flowkeys.telemetry.metrics.sources import Sources

VERIFY: Final = "verify"
"""A door that is none of usage: whoever asks there lets calls in elsewhere."""
_FAILED: Final = ("unavailable", "internal_error")
_OUTCOMES: Final[Mapping[str, Iterable[str]]] = {
    Door.FORWARD_AUTH: (OK, *REFUSED, *_FAILED),
    Door.PREDICTION: (OK, *REFUSED, *_FAILED, "upstream_failed", CLIENT_GONE),
    VERIFY: (OK, *REFUSED, *_FAILED),
}
"""What is told from the start, so that the first of its kind is seen to be one more."""

Totals = Mapping[tuple[str, str], Sequence[float]]
"""By door and outcome: what is counted of calls, and last how many seconds they took together."""


def of_calls(totals: Totals, tally: Tally) -> Iterator[Metric]:
    """Yield what calls add up to since the start."""
    counted = {(str(door), outcome): 0.0 for door, known in _OUTCOMES.items() for outcome in known}
    took = {str(door): [0.0] * BUCKETS for door in Door}
    seconds = dict.fromkeys(took, 0.0)
    sums = [0.0] * (BYTES_OUT + 1)
    for (door, outcome), numbers in totals.items():
        counted[door, outcome] = sum(numbers[:BUCKETS])
        for number in (TOKENS_IN, TOKENS_OUT, BYTES_IN, BYTES_OUT):
            sums[number] += numbers[number]
        if outcome not in REFUSED:
            took[door] = [a + b for a, b in zip(took[door], numbers, strict=False)]
            seconds[door] += numbers[-1]
    counted.update({(VERIFY, outcome): count for outcome, count in tally.verified()})
    calls = CounterMetricFamily(
        "flowkeys_calls",
        "Calls that were answered, by where they came in and how they ended: ok, client_gone, or the code of "
        "the refusal. Of verify each token that was asked about.",
        labels=("door", "outcome"),
    )
    for (door, outcome), count in sorted(counted.items()):
        calls.add_metric((door, outcome), count)
    yield calls
    duration = HistogramMetricFamily(
        "flowkeys_call_duration_seconds",
        "How long calls took that were let in, from the request to the end of the answer.",
        labels=("door",),
    )
    for door, counts in took.items():
        duration.add_metric((door,), _cumulated(BOUNDS, counts), seconds[door])
    yield duration
    yield _pair("flowkeys_model_tokens", "Tokens of models, as far as they report them.", sums, TOKENS_IN)
    yield _pair("flowkeys_prediction_bytes", "Bytes of questions and answers.", sums, BYTES_IN)


def of_requests(sources: Sources) -> Iterator[Metric]:
    """Yield what is asked beside the doors: the management API and the pages."""
    tally = sources.calls.tally
    requests = CounterMetricFamily(
        "flowkeys_http_requests",
        "Requests that are no calls at a door, by part (api, pages, none: no such route) and status.",
        labels=("part", "status"),
    )
    for (part, status), count in sorted(tally.requests.items()):
        requests.add_metric((part, str(status)), count)
    yield requests
    took = HistogramMetricFamily(
        "flowkeys_http_request_duration_seconds", "How long those took.", labels=("part",)
    )
    for part, histogram in sorted(tally.took.items()):
        took.add_metric((part,), buckets(histogram), histogram.sum)
    yield took
    yield GaugeMetricFamily(
        "flowkeys_http_connections", "Connections that are open now.", sources.connections()
    )


def buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return the buckets as Prometheus has them: each with all that are below it."""
    return _cumulated(histogram.bounds, list(histogram.counts))


def _cumulated(bounds: Sequence[float], counts: Sequence[float]) -> list[tuple[str, float]]:
    found, total = [], 0.0
    for bound, count in zip((*map(repr, bounds), "+Inf"), counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found


def _pair(name: str, words: str, sums: Sequence[float], first: int) -> Metric:
    """Return two sums of which one came in and the next went out."""
    made = CounterMetricFamily(name, words, labels=("direction",))
    made.add_metric(("in",), sums[first])
    made.add_metric(("out",), sums[first + 1])
    return made
