"""What calls add up to, as pages show it."""

from typing import Any, Final

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
    """Return an outcome in words, as what calls were; one that is not known here in its own."""
    return _WORDS.get(outcome) or outcome.replace("_", " ")


_WORDS: Final = {
    CLIENT_GONE: "given up by the client",
    "missing_credentials": "without a key",
    "invalid_request": "with a malformed credential",
    "unknown_key": "with an unknown key",
    "expired_key": "after the end of the key",
    "revoked_key": "with a revoked key",
    "disabled_key": "with a disabled key",
    "ip_not_allowed": "from a network that the key excludes",
    "chatflow_not_allowed": "for a chatflow that the key does not open",
    "permission_missing": "without a permission that they need",
    "origin_not_allowed": "from a site that the chatflow excludes",
    "rate_limited": "above a rate limit",
    "quota_exceeded": "above a quota",
    "headers_too_large": "with headers that are too large",
    "too_large": "with a body that is too large",
    "invalid_json": "with a body that is no JSON",
    "unsupported_encoding": "with an encoded body",
    "validation_failed": "with a body that is not understood",
    "flow_not_runnable": "for a chatflow that cannot run",
    "run_limit_exceeded": "ended at a limit of runs",
    "upstream_failed": "failed at a model or service",
    "unavailable": "refused while the database was away",
    "internal_error": "failed here",
}
