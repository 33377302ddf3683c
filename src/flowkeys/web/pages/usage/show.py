"""``/usage``, of the workspace, of a key and of a chatflow: what is used, what fails, what runs out."""

from typing import Any, Final

from fastapi import Response

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
    soon = KeyQuery(
        workspace_id=call.caller.workspace_id,
        expires_by=call.services.clock() + _SOON,
        sort="expiresAt",
        descending=False,
        limit=_SHOWN,
    )
    tops = [("Keys", "/keys", found.keys), ("Chatflows", "/chatflows", found.chatflows)]
    expiring = await call.services.keyring.page(call.caller, soon)
    return _render(call, found.series, name, tops=tops, expiring=expiring)


@router.page("GET", "/keys/{key_id}/usage", needs="apikeys:view")
async def key_usage(key_id: str, call: PageCall) -> Response:
    """Show how much a key was used."""
    name, asked = _period(call)
    series = await call.services.usage.of_key(call.caller, key_id, asked)
    return _render(call, series, name, f"/keys/{key_id}", back="The key")


@router.page("GET", "/chatflows/{chatflow_id}/usage", needs="apikeys:view")
async def chatflow_usage(chatflow_id: str, call: PageCall) -> Response:
    """Show how much a chatflow was called, to who may see keys: what it is they need not see."""
    name, asked = _period(call)
    series = await call.services.usage.of_chatflow(call.caller, chatflow_id, asked)
    back = "The chatflow" if call.may("chatflows:view") else None
    return _render(call, series, name, f"/chatflows/{chatflow_id}", back=back)


def _period(call: PageCall) -> tuple[str, Asked]:
    """Return the period that the address names; what it does not know is the usual one."""
    name = call.query_params.get("period", _USUAL)
    name = name if name in PERIODS else _USUAL
    return name, PERIODS[name][1]


def _render(
    call: PageCall, series: Series, period: str, of: str = "", *, back: str | None = None, **context: Any
) -> Response:
    """Show usage; `of` is the page of what it is of, `back` the words of a link to it, if there is one."""
    steps = [{"time": time, **_figures(sums)} for time, sums in series.steps]
    return call.render(
        "usage/show.html",
        title="Usage" if series.name is None else f"Usage of {series.name}",
        here=f"{of}/usage",
        back=None if back is None else (of, back),
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
    others = {outcome: calls for outcome, calls in sorted(sums.outcomes.items()) if outcome != OK and calls}
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
        "bytes_in": sums.bytes_in,
        "bytes_out": sums.bytes_out,
    }


def _words(outcome: str) -> str:
    return "client left" if outcome == CLIENT_GONE else outcome.replace("_", " ")
