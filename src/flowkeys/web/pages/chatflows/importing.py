"""``/chatflows/{id}/import``: another graph for a chatflow, compared before it is saved."""

import base64
import binascii
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.service.chatflows.export import LARGEST_EXPORT
from flowkeys.service.chatflows.maker import Comparison
from flowkeys.web.pages.call import FORM_BYTES, PageCall
from flowkeys.web.pages.chatflows.sent import Errors, by_field, read_files_form
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.words import size

router = PageRouter()

NEEDS: Final = "chatflows:update"
# The comparison carries the export in base64: four characters for three bytes.
_ROOM: Final = LARGEST_EXPORT // 3 + FORM_BYTES
_SMALLER: Final = "Choose a smaller file."
_KINDS_SHOWN: Final = 100
_PATH: Final = "/chatflows/{chatflow_id}/import"


@router.page("GET", _PATH, needs=NEEDS)
async def ask(chatflow_id: str, call: PageCall) -> Response:
    """Ask for the export."""
    return await _show(call, chatflow_id, 200, "", {})


@router.page("POST", _PATH, needs=NEEDS)
async def take(chatflow_id: str, call: PageCall) -> Response:
    """Show what an export would change; with `content`, which that page sends, change it."""
    text, field = "", "file"
    try:
        form = await read_files_form(call, field, most=LARGEST_EXPORT, room=_ROOM, advice=_SMALLER)
        if form.has("content"):
            return await _save(call, chatflow_id, form)
        text = form.text("text")
        content, field = _given(form)
        found = await call.services.maker.compare(call.caller, chatflow_id, content, field)
    except TooLarge as error:
        return await _show(call, chatflow_id, 413, text, by_field(error, field))
    except InvalidInput as error:
        return await _show(call, chatflow_id, 422, text, by_field(error, field))
    return _compare(call, found, content, {})


async def _save(call: PageCall, chatflow_id: str, form: Form) -> Response:
    try:
        content = base64.b64decode(form.text("content").encode(), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput.of(
            "form", "What was compared did not arrive whole. Choose the file again."
        ) from None
    maker = call.services.maker
    try:
        saved = await maker.replace(call.caller, chatflow_id, content, "form", form.text("seen"))
    except InvalidInput as error:
        found = await maker.compare(call.caller, chatflow_id, content, "form")
        return _compare(call, found, content, by_field(error, "form"), 422)
    return call.done(f"/chatflows/{chatflow_id}", f"“{saved.chatflow.name}” has another graph now.")


def _given(form: Form) -> tuple[bytes, str]:
    """Return the export and the field that it was given in.

    Raises:
        InvalidInput: there is none, or there are two.
    """
    files, text = form.files.get("file", []), form.text("text")
    if len(files) + bool(text.strip()) != 1:
        raise InvalidInput.of("file", "Choose one file, or paste the JSON below; one of them.")
    return (files[0][1], "file") if files else (text.encode("utf-8", "replace"), "text")


async def _show(call: PageCall, chatflow_id: str, status: int, text: str, errors: Errors) -> Response:
    found = await call.services.chatflows.get(call.caller, chatflow_id, permission=NEEDS)
    return call.render(
        "chatflows/import.html",
        status,
        chatflow=found.chatflow,
        text=text,
        errors=errors,
        limit=size(LARGEST_EXPORT),
        max_bytes=LARGEST_EXPORT,
    )


def _compare(
    call: PageCall, found: Comparison, content: bytes, errors: Errors, status: int = 200
) -> Response:
    now, then = found.graph_now.kinds, found.graph_then.kinds
    changed = [kind for kind in sorted({*now, *then}) if now.get(kind, 0) != then.get(kind, 0)]
    return call.render(
        "chatflows/import_compare.html",
        status,
        chatflow=found.now.chatflow,
        found=found,
        content=base64.b64encode(content).decode(),
        changed=[(kind, now.get(kind, 0), then.get(kind, 0)) for kind in changed[:_KINDS_SHOWN]],
        more_changed=max(len(changed) - _KINDS_SHOWN, 0),
        shown=_KINDS_SHOWN,
        errors=errors,
    )
