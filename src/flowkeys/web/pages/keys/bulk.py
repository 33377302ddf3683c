"""Disabling, enabling and revoking the keys that are ticked in the list."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from fastapi import Response
from starlette.datastructures import QueryParams

from flowkeys.domain.errors import Forbidden, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.keys.report import Report
from flowkeys.domain.principal import Caller
from flowkeys.service.forms.confirmation import FIELD, require_count, used_recently
from flowkeys.service.keys.bulk import BulkResult
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.keys import list as keys
from flowkeys.web.pages.keys.query import KeyList
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_REFUSED: Final = 422
_FORBIDDEN: Final = 403
_CONFIRMED: Final = "confirmed"

Change = Callable[[Caller, Sequence[str]], Awaitable[BulkResult]]


@router.page("POST", "/keys/disable", needs="apikeys:update")
async def disable(call: PageCall) -> Response:
    """Disable the keys at once: that can be undone."""
    return await _change(call, call.services.keyring.disable_many, "disabled")


@router.page("POST", "/keys/enable", needs="apikeys:update")
async def enable(call: PageCall) -> Response:
    """Enable the keys at once."""
    return await _change(call, call.services.keyring.enable_many, "enabled")


@router.page("POST", "/keys/revoke", needs="apikeys:delete")
async def revoke(call: PageCall) -> Response:
    """Show which keys are about to end; revoke them when that was confirmed."""
    form, now = await call.form(), call.services.clock()
    try:
        found = await call.services.keyring.some(call.caller, form.all("ids"), permission="apikeys:delete")
    except InvalidInput as error:
        return await _refused(call, error)
    alive = [key for key in found if key.status is not Status.REVOKED]
    if not alive:
        return await _change(call, call.services.keyring.revoke_many, "revoked")
    if not form.has(_CONFIRMED):
        return await _confirm(call, alive, {})
    try:
        require_count(len(alive), form.text(FIELD), [key.last_used_at for key in alive], now)
    except InvalidInput as error:
        return await _confirm(call, alive, {item.field: item.message for item in error.errors})
    return await _change(call, call.services.keyring.revoke_many, "revoked")


async def _change(call: PageCall, change: Change, done: str) -> Response:
    form = await call.form()
    try:
        result = await change(call.caller, form.all("ids"))
    except (InvalidInput, Forbidden) as error:
        return await _refused(call, error)
    report = form.text("report")
    back = f"/reports/{report}" if report in set(Report) else (await _list(call)).url
    return call.done(back, said(result, done))


def said(result: BulkResult, done: str) -> str:
    """Return what became of the keys, in a sentence or three; `done` is ``disabled``, for example."""
    parts = []
    if result.affected:
        parts.append(f"{words.count(result.affected, 'key was', 'keys were')} {done}.")
    if result.unchanged:
        already = f"{words.count(result.unchanged, 'key was', 'keys were')} {done} already."
        parts.append(already)
    if result.skipped:
        parts.append(f"{words.count(len(result.skipped), 'key is', 'keys are')} revoked, which is final.")
    return " ".join(parts)


async def _confirm(call: PageCall, alive: list[ApiKey], errors: dict[str, str]) -> Response:
    now = call.services.clock()
    in_use = [key for key in alive if used_recently(key.last_used_at, now)]
    return call.render(
        "keys/bulk_revoke.html",
        _REFUSED if errors else 200,
        keys=alive,
        in_use=len(in_use),
        last_use=max((key.last_used_at or 0 for key in in_use), default=None),
        typed=(await call.form()).text(FIELD),
        errors=errors,
        shown=await _list(call),
        report=(await call.form()).text("report"),
    )


async def _refused(call: PageCall, error: InvalidInput | Forbidden) -> Response:
    """Say why nothing was done, over the list as it is, with the same keys ticked."""
    ids = (await call.form()).all("ids")
    if isinstance(error, Forbidden):
        status, why = _FORBIDDEN, str(error)
    else:
        status, why = _REFUSED, " ".join(item.message for item in error.errors)
    if not ids:
        why = "No key is selected. Tick the keys first."
    if call.in_dialog:
        return call.render("keys/bulk_refused.html", status, problem=why)
    return await keys.show(call, await _list(call), status=status, selected=ids, problem=why)


async def _list(call: PageCall) -> KeyList:
    """Return the list from which the form was sent: it carries the list's query."""
    return KeyList.read(QueryParams((await call.form()).text("list")))
