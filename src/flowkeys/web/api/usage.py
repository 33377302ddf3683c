"""``/usage``, and ``/usage`` of a key and of a chatflow: how much was used."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Query, Response

from flowkeys.domain.keys.bearer import read_credential
from flowkeys.domain.limits.fields import as_json
from flowkeys.domain.usage.usage import Series
from flowkeys.service.usage.periods import Asked
from flowkeys.web.api import usage_forms
from flowkeys.web.auth import authenticate
from flowkeys.web.routes import ANY_KEY, GuardedRouter, json_response
from flowkeys.web.schemas.usage import OwnUsageOut, UsageStepOut, UsageSummaryOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Usage"])

_LENGTH = 64
From = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=_LENGTH,
        description="A time, a date (its beginning, UTC), or how long ago: `7d`. Unless given 24 hours "
        "before the end, with `step=day` 30 days.",
    ),
]
To = Annotated[
    str | None,
    Query(alias="to", max_length=_LENGTH, description="A time, a date (its end, UTC), or how long ago. Now."),
]
StepName = Annotated[
    Literal["hour", "day"] | None,
    Query(description="Unless given hours for up to 72 of them, days for more. Hours are kept for 90 days."),
]
Format = Annotated[
    Literal["json", "csv", "jsonl"],
    Query(
        alias="format",
        description="`csv` has a line for each step and a column for each outcome; `jsonl` a document.",
    ),
]
_TEXTS = {"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/jsonl"}
_EXTRA: dict[str, Any] = {
    "responses": {"200": {"content": {media_type.partition(";")[0]: {} for media_type in _TEXTS.values()}}}
}
_ERRORS = ("validation_failed",)


class Wanted(msgspec.Struct, frozen=True):
    """Which period is asked for, and in which form."""

    asked: Asked
    form: str

    def text_of(self, series: Series) -> Response | None:
        """Return usage in a form that is no JSON, or None."""
        media_type = _TEXTS.get(self.form)
        if media_type is None:
            return None
        steps = usage_forms.steps(series)
        text = usage_forms.as_csv(steps) if self.form == "csv" else usage_forms.as_lines(steps)
        named = f'attachment; filename="usage.{self.form}"'
        headers = {"Cache-Control": "no-store", "Content-Disposition": named}
        return Response(text, headers=headers, media_type=media_type)

    def answer_of(self, series: Series) -> Response:
        """Return usage in the form that is asked for."""
        return self.text_of(series) or json_response(usage_forms.steps(series))


async def _wanted(first: From = None, end: To = None, step: StepName = None, form: Format = "json") -> Wanted:
    return Wanted(Asked(first=first, end=end, step=step), form)


Question = Annotated[Wanted, Depends(_wanted)]


@router.on(
    "GET",
    "/apikey/{key_id}/usage",
    needs="apikeys:view",
    answers=list[UsageStepOut],
    errors=(*_ERRORS, "not_found"),
    extra=_EXTRA,
)
async def key_usage(call: Call, key_id: str, wanted: Question) -> Response:
    """Return how much a key was used, by the hour or by the day. Empty steps are there, too."""
    series = await call.services.usage.of_key(call.caller, key_id, wanted.asked)
    return wanted.answer_of(series)


@router.on(
    "GET",
    "/chatflows/{chatflow_id}/usage",
    needs="apikeys:view",
    answers=list[UsageStepOut],
    errors=(*_ERRORS, "not_found"),
    extra=_EXTRA,
)
async def chatflow_usage(call: Call, chatflow_id: str, wanted: Question) -> Response:
    """Return how much a chatflow was called, by the hour or by the day, calls without a key included."""
    series = await call.services.usage.of_chatflow(call.caller, chatflow_id, wanted.asked)
    return wanted.answer_of(series)


@router.on(
    "GET",
    "/customers/{customer_id}/usage",
    needs="apikeys:view",
    answers=list[UsageStepOut],
    errors=(*_ERRORS, "not_found"),
    extra=_EXTRA,
)
async def customer_usage(call: Call, customer_id: str, wanted: Question) -> Response:
    """Return what was used by keys while they were a customer's: one that is moved takes no history along."""
    series = await call.services.usage.of_customer(call.caller, customer_id, wanted.asked)
    return wanted.answer_of(series)


@router.on(
    "GET",
    "/usage/summary",
    needs="apikeys:view",
    answers=UsageSummaryOut,
    errors=_ERRORS,
    extra=_EXTRA,
)
async def usage_summary(call: Call, wanted: Question) -> Response:
    """Return how much the workspace was used, and which keys and chatflows most.

    As CSV and JSON lines it is the steps alone.
    """
    found = await call.services.usage.summary(call.caller, wanted.asked)
    return wanted.text_of(found.series) or json_response(usage_forms.summary(found))


@router.on("GET", "/usage", needs=ANY_KEY, answers=OwnUsageOut, errors=_ERRORS, extra=_EXTRA)
async def own_usage(call: Call, wanted: Question) -> Response:
    """Return how much the key was used that asks, and what is left of its limits and quotas.

    Asking is no use of it, and needs no permission.
    """
    await authenticate(call.services, call.scope, None, counts=False)  # from where it calls counts, too
    principal = call.caller.principal
    assert principal.id is not None  # a key: nobody else is let in without a permission
    series = await call.services.usage.of_caller(call.caller, principal.id, wanted.asked)
    text = wanted.text_of(series)
    if text is not None:
        return text
    credential = read_credential(call.scope["headers"])
    left = await call.services.verifier.left(credential) if isinstance(credential, bytes) else None
    nothing: dict[str, object] = {"limitsLeft": [], "quotasLeft": []}
    return json_response({**usage_forms.report(series), **nothing, **as_json(left)})
