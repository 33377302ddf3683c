"""What calls add up to, as pages show it."""

from typing import Any

from flowkeys.domain.usage.usage import CLIENT_GONE, OK, REFUSED, Sums


def figures(sums: Sums) -> dict[str, Any]:
    """Return what is shown of calls: those that ended well, were refused, or failed."""
    ok = sums.outcomes.get(OK, 0)
    refused = sum(calls for outcome, calls in sums.outcomes.items() if outcome in REFUSED)
    others = {outcome: calls for outcome, calls in sorted(sums.outcomes.items()) if outcome != OK and calls}
    return {
        "calls": sums.calls,
        "ok": ok,
        "refused": refused,
        "failed": sums.calls - ok - refused,
        "others": {words(outcome): calls for outcome, calls in others.items()},
        "latency": sums.percentiles,
        "tokens": sums.tokens_in + sums.tokens_out,
        "tokens_in": sums.tokens_in,
        "tokens_out": sums.tokens_out,
        "bytes_in": sums.bytes_in,
        "bytes_out": sums.bytes_out,
    }


def words(outcome: str) -> str:
    """Return an outcome in words."""
    return "client left" if outcome == CLIENT_GONE else outcome.replace("_", " ")
