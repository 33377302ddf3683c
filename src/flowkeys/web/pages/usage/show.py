"""``/usage``, of the workspace, a key, a chatflow and a customer: what is used, what fails, what runs out."""

from typing import Any, Final

from fastapi import Response

from flowkeys.domain.listing import KeyQuery
from flowkeys.domain.usage.usage import DAY, Series
from flowkeys.service.usage.periods import Asked
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.usage.figures import figures

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


@router.page("GET", "/customers/{customer_id}/usage", needs="apikeys:view")
async def customer_usage(customer_id: str, call: PageCall) -> Response:
    """Show what was used by keys while they were a customer's, to who may see keys."""
    name, asked = _period(call)
    series = await call.services.usage.of_customer(call.caller, customer_id, asked)
    back = "The customer" if call.may("customers:view") else None
    return _render(call, series, name, f"/customers/{customer_id}", back=back)


def _period(call: PageCall) -> tuple[str, Asked]:
    """Return the period that the address names; what it does not know is the usual one."""
    name = call.query_params.get("period", _USUAL)
    name = name if name in PERIODS else _USUAL
    return name, PERIODS[name][1]


def _render(
    call: PageCall, series: Series, period: str, of: str = "", *, back: str | None = None, **context: Any
) -> Response:
    """Show usage; `of` is the page of what it is of, `back` the words of a link to it, if there is one."""
    steps = [{"time": time, **figures(sums)} for time, sums in series.steps]
    return call.render(
        "usage/show.html",
        title="Usage" if series.name is None else f"Usage of {series.name}",
        here=f"{of}/usage",
        back=None if back is None else (of, back),
        steps=steps,
        total=figures(series.total),
        by_hour=series.period.step == "hour",
        period=period,
        periods={name: words for name, (words, _) in PERIODS.items()},
        **{"tops": [], "expiring": None, **context},
    )
