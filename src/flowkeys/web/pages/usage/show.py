"""``/usage``, of the workspace, of a key and of a chatflow: what is used, what fails, what runs out."""

from typing import Any, Final

from fastapi import Response

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeyQuery
from flowkeys.domain.usage.usage import CLIENT_GONE, DAY, OK, REFUSED, Series, Sums
from flowkeys.service.usage.periods import Asked
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

PERIODS: Final = {
    "24h": ("24 hours", Asked()),
    "7d": ("7 days", Asked(first="6d", step="day")),
    "30d": ("30 days", Asked(first="29d", step="day")),
    "90d": ("90 days", Asked(first="89d", step="day")),
}
_USUAL: Final = "24h"
_SOON: Final = 14 * DAY
_SHOWN: Final = 10


@router.page("GET", "/usage", needs="apikeys:view")
async def workspace_usage(call: PageCall) -> Response:
    """Show how much the workspace was used, what was used most, and which keys are about to expire."""
    name, asked = _period(call)
    found = await call.services.usage.summary(call.caller, asked)
    now = call.services.clock()
    query = KeyQuery(
        workspace_id=call.caller.workspace_id,
        status=Status.ACTIVE,
        sort="expiresAt",
        descending=False,
        limit=_SHOWN,
    )
    first_to_end = await call.services.keyring.page(call.caller, query)
    expiring = [
        key for key in first_to_end.items if key.expires_at is not None and key.expires_at - now < _SOON
    ]
    tops = [
        ("Keys", "/keys", found.keys),
        ("Chatflows", "/chatflows", found.chatflows),
    ]
    return _render(
        call, found.series, name, title="Usage", here="/usage", back=None, tops=tops, expiring=expiring
    )


@router.page("GET", "/keys/{key_id}/usage", needs="apikeys:view")
async def key_usage(key_id: str, call: PageCall) -> Response:
    """Show how much a key was used."""
    key = await call.services.keyring.get(call.caller, key_id)
    name, asked = _period(call)
    series = await call.services.usage.of_key(call.caller, key.id, asked)
    back = (f"/keys/{key.id}", "The key")
    return _render(call, series, name, title=f"Usage of {key.name}", here=f"/keys/{key.id}/usage", back=back)


@router.page("GET", "/chatflows/{chatflow_id}/usage", needs="apikeys:view")
async def chatflow_usage(chatflow_id: str, call: PageCall) -> Response:
    """Show how much a chatflow was called."""
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    name, asked = _period(call)
    series = await call.services.usage.of_chatflow(call.caller, chatflow.id, asked)
    here = f"/chatflows/{chatflow.id}/usage"
    back = (f"/chatflows/{chatflow.id}", "The chatflow")
    return _render(call, series, name, title=f"Usage of {chatflow.name}", here=here, back=back)


def _period(call: PageCall) -> tuple[str, Asked]:
    """Return the period that the address names; what it does not know is the usual one."""
    name = call.query_params.get("period", _USUAL)
    name = name if name in PERIODS else _USUAL
    return name, PERIODS[name][1]


def _render(call: PageCall, series: Series, period: str, **context: Any) -> Response:
    steps = [{"time": time, **_figures(sums)} for time, sums in series.steps]
    return call.render(
        "usage/show.html",
        steps=steps,
        total=_figures(series.total),
        by_hour=series.period.step == "hour",
        period=period,
        periods={name: words for name, (words, _) in PERIODS.items()},
        **{"tops": [], "expiring": None, **context},
    )


def _figures(sums: Sums) -> dict[str, Any]:
    """Return what is shown of calls: those that ended well, were refused, or failed."""
    ok = sums.outcomes.get(OK, 0)
    refused = sum(calls for outcome, calls in sums.outcomes.items() if outcome in REFUSED)
    others = {outcome: calls for outcome, calls in sorted(sums.outcomes.items()) if outcome != OK}
    return {
        "calls": sums.calls,
        "ok": ok,
        "refused": refused,
        "failed": sums.calls - ok - refused,
        "others": {_words(outcome): calls for outcome, calls in others.items()},
        "latency": sums.percentiles,
        "tokens": sums.tokens_in + sums.tokens_out,
        "tokens_in": sums.tokens_in,
        "tokens_out": sums.tokens_out,
    }


def _words(outcome: str) -> str:
    return "client left" if outcome == CLIENT_GONE else outcome.replace("_", " ")
