"""``/keys/{id}/rotate``: a new token for a key; ``/keys/{id}/rotation``: the end of the old one."""

from collections.abc import Mapping
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import AlreadySent, Conflict, FieldError, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.keys.rotation import DEFAULT_GRACE_SECONDS
from flowkeys.service.forms.once import issue
from flowkeys.service.keys.rotations import NewRotation
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.keys.create import show_token
from flowkeys.web.pages.keys.form import by_field
from flowkeys.web.pages.keys.view import changeable, facts
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

GRACES: Final = (3600, 86_400, 7 * 86_400, 30 * 86_400)
UNUSED: Final = (3600, 6 * 3600, 86_400, 7 * 86_400)
_DEFAULT: Final = str(DEFAULT_GRACE_SECONDS)


@router.page("GET", "/keys/{key_id}/rotate", needs="apikeys:update")
async def ask_to_rotate(key_id: str, call: PageCall) -> Response:
    """Ask how long the old token is to work."""
    key = await changeable(call, key_id)
    return _question(call, key, issue(call.services.clock))


@router.page("POST", "/keys/{key_id}/rotate", needs="apikeys:update")
async def rotate_key(key_id: str, call: PageCall) -> Response:
    """Give the key a new token and show it; a form that was sent before does nothing and shows none."""
    sent = await call.form()
    key = await changeable(call, key_id)
    once = sent.text("form")
    try:
        made = await call.services.keyring.rotations.begin(call.caller, key_id, _wanted(sent), once)
    except InvalidInput as refused:
        errors = by_field(refused.errors)
        value = issue(call.services.clock) if "form" in errors else once
        return _question(call, key, value, errors, sent)
    except Conflict as conflict:
        return _question(call, key, once, {"rotation": str(conflict)}, sent)
    except AlreadySent as before:
        return call.render(
            "keys/sent.html", 409, title="Sent before", key_id=before.subject_id, was_rotation=True
        )
    return show_token(call, made, title="Key rotated")


@router.page("POST", "/keys/{key_id}/rotation", needs="apikeys:update")
async def change_rotation(key_id: str, call: PageCall) -> Response:
    """End the old token, or let it work for longer; say so when it has ended meanwhile.

    A page that shows an earlier rotation does nothing to the present one, whose old token is in use.
    """
    sent = await call.form()
    seconds = _number("graceSeconds", sent.text("grace"), "Choose how long the old token is to work.")
    place = f"/keys/{key_id}"
    try:
        started_at = sent.text("startedAt") or None
        key = await call.services.keyring.rotations.set_grace(call.caller, key_id, seconds, started_at)
    except Conflict as conflict:
        return call.done(place, str(conflict))
    rotation = key.rotation_at(call.services.clock())
    if rotation is None:
        return call.done(place, f"The old token of “{key.name}” has ended. Calls with it are refused.")
    return call.done(place, f"The old token of “{key.name}” works until {words.exact(rotation.ends_at)}.")


def _wanted(sent: Form) -> NewRotation:
    """Return what the form asks for.

    Raises:
        InvalidInput: naming what was not chosen.
    """
    grace = _number("graceSeconds", sent.text("grace"), "Choose how long the old token is to work.")
    unused = sent.text("unused")
    if not unused or not grace:  # nothing is left to end by itself
        return NewRotation(grace_seconds=grace)
    seconds = _number("finishWhenUnusedSeconds", unused, "Choose for how long it has to be unused.")
    return NewRotation(grace_seconds=grace, finish_when_unused_seconds=seconds)


def _number(field: str, text: str, otherwise: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len("7776000")):
        raise InvalidInput(FieldError(field, otherwise))
    return int(text)


def _question(
    call: PageCall,
    key: ApiKey,
    once: str,
    errors: Mapping[str, str] | None = None,
    sent: Form | None = None,
) -> Response:
    shown = facts(call, key)
    if key.status is Status.REVOKED or shown["rotation"] is not None:
        status = 409 if errors else 200
        return call.render("keys/view.html", status, title=key.name, errors=errors or {}, **shown)
    return call.render(
        "rotations/begin.html",
        422 if errors else 200,
        title=f"Rotate {key.name}",
        once=once,
        errors=errors or {},
        grace=_DEFAULT if sent is None else sent.text("grace"),
        unused="" if sent is None else sent.text("unused"),
        graces=[(str(each), words.duration(each)) for each in GRACES],
        unused_choices=[(str(each), words.duration(each)) for each in UNUSED],
        **shown,
    )
