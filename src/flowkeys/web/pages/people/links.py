"""The pages of one-time links: ``/set-up/…``, ``/invitation/…`` and ``/reset/…``.

Looking at one does not use it up: programs that read mail look at every link in it.
"""

from typing import Final

import msgspec
from fastapi import Response

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.people.link import Purpose
from flowkeys.service.people.password_rule import SHORTEST
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.people.sign_in import address_of, user_agent_of, welcome
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.routes import OPEN

router = PageRouter()


class _Words(msgspec.Struct, frozen=True):
    """What a page says, by the purpose of its link."""

    title: str
    about: str
    button: str
    gone: str
    welcome: str


_WORDS: Final = {
    Purpose.SET_UP: _Words(
        title="Set up flowkeys",
        about="You become the owner: you may do everything, and invite others.",
        button="Set up",
        gone="It was used, is older than an hour, or a newer one was made. "
        "Restart the server: it prints a new one.",
        welcome="flowkeys is set up, and you are signed in.",
    ),
    Purpose.INVITATION: _Words(
        title="Accept your invitation",
        about="Choose a password, and you are in.",
        button="Accept",
        gone="It was used, withdrawn, or is older than seven days. Ask whoever sent it for a new one.",
        welcome="Welcome. You are signed in.",
    ),
    Purpose.RESET: _Words(
        title="Choose a new password",
        about="You will be signed out wherever you are signed in now.",
        button="Set the password",
        gone="It was used, is older than an hour, or a newer one was made. "
        "Ask whoever runs this server for another.",
        welcome="Your password was changed, and you are signed in.",
    ),
}


async def _show(call: PageCall, purpose: Purpose, secret: str) -> Response:
    link = await call.services.links.peek(purpose, secret)
    if link is None:
        return _gone(call, purpose)
    return _form(call, purpose, link.email)


async def _accept(call: PageCall, purpose: Purpose, secret: str) -> Response:
    form = await call.form()
    links = call.services.links
    link = await links.peek(purpose, secret)
    if link is None:
        return _gone(call, purpose)
    email, name = form.text("email"), form.text("name")
    try:
        started = await links.accept(
            purpose,
            secret,
            password=form.text("password"),
            email=email,
            name=name or None,
            address=address_of(call),
            user_agent=user_agent_of(call),
        )
    except InvalidInput as error:
        errors = {item.field: item.message for item in error.errors}
        return _form(call, purpose, link.email, errors=errors, typed={"email": email, "name": name})
    except NotFound:
        return _gone(call, purpose)
    return await welcome(call, started, "/", _WORDS[purpose].welcome)


def _form(
    call: PageCall,
    purpose: Purpose,
    email: str | None,
    errors: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    words = _WORDS[purpose]
    return call.render(
        "sign_in/link.html",
        422 if errors else 200,
        title=words.title,
        words=words,
        email=email,
        asks_for_name=purpose is not Purpose.RESET,
        shortest=SHORTEST,
        errors=errors or {},
        typed=typed or {"email": "", "name": ""},
    )


def _gone(call: PageCall, purpose: Purpose) -> Response:
    return call.render(
        "sign_in/gone.html", 404, title="This link does not work any more", words=_WORDS[purpose]
    )


@router.page("GET", "/set-up/{secret}", needs=OPEN)
async def set_up_form(secret: str, call: PageCall) -> Response:
    """Ask the first owner for email and password."""
    return await _show(call, Purpose.SET_UP, secret)


@router.page("POST", "/set-up/{secret}", needs=OPEN)
async def set_up(secret: str, call: PageCall) -> Response:
    """Make the first owner, and sign them in."""
    return await _accept(call, Purpose.SET_UP, secret)


@router.page("GET", "/invitation/{secret}", needs=OPEN)
async def invitation_form(secret: str, call: PageCall) -> Response:
    """Ask somebody who was invited for a password."""
    return await _show(call, Purpose.INVITATION, secret)


@router.page("POST", "/invitation/{secret}", needs=OPEN)
async def accept_invitation(secret: str, call: PageCall) -> Response:
    """Make a person of an invitation, and sign them in."""
    return await _accept(call, Purpose.INVITATION, secret)


@router.page("GET", "/reset/{secret}", needs=OPEN)
async def reset_form(secret: str, call: PageCall) -> Response:
    """Ask for a new password."""
    return await _show(call, Purpose.RESET, secret)


@router.page("POST", "/reset/{secret}", needs=OPEN)
async def reset_password(secret: str, call: PageCall) -> Response:
    """Set a new password, and sign in."""
    return await _accept(call, Purpose.RESET, secret)
