"""``/sign-in`` and ``/sign-out``."""

from typing import Final

from fastapi import Response
from fastapi.responses import RedirectResponse

from flowkeys.service.people.sign_ins import SignInRefused, Started
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall, local_path
from flowkeys.web.pages.frame import notice
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.requests import sign_in_cookie
from flowkeys.web.requests.context import context_of
from flowkeys.web.routes import OPEN

router = PageRouter()

_WRONG: Final = "The email or the password is wrong."
_USER_AGENT_CHARACTERS: Final = 300
_A_LONG_WAIT: Final = 120


@router.page("GET", "/sign-in", needs=OPEN)
async def sign_in_form(call: PageCall) -> Response:
    """Ask for email and password; who is signed in already goes on."""
    target = local_path(call.query_params.get("next", ""))
    if call.is_signed_in:
        return RedirectResponse(target, 303)
    return await _form(call, target)


@router.page("POST", "/sign-in", needs=OPEN)
async def sign_in(call: PageCall) -> Response:
    """Sign in, always under a new secret, or say that something is wrong and not what."""
    form = await call.form()
    email, target = form.text("email"), local_path(form.text("next"))
    outcome = await call.services.sign_ins.sign_in(
        email, form.text("password"), address=address_of(call), user_agent=user_agent_of(call)
    )
    if isinstance(outcome, Started):
        return await welcome(call, outcome, target)
    return await _form(call, target, email=email, refused=outcome)


@router.page("POST", "/sign-out", needs=OPEN)
async def sign_out(call: PageCall) -> Response:
    """End the sign-in on the server and in the browser."""
    secret = sign_in_cookie.read(call.scope, call.place)
    if secret is not None:
        await call.services.sign_ins.sign_out(secret, address=address_of(call))
    response = RedirectResponse("/sign-in", 303)
    sign_in_cookie.clear(response, place=call.place)
    notice.leave(response, "You are signed out.", place=call.place)
    return response


async def welcome(call: PageCall, started: Started, target: str, message: str | None = None) -> Response:
    """Set the cookie of a new sign-in, end the one that it replaces in this browser, and go on."""
    replaced = sign_in_cookie.read(call.scope, call.place)
    if replaced is not None:
        await call.services.sign_ins.sign_out(replaced, address=address_of(call))
    response = RedirectResponse(target, 303)
    seconds = (started.expires_at - call.services.clock()) // 1_000_000
    sign_in_cookie.write(response, started.secret.reveal(), seconds=seconds, place=call.place)
    if message is not None:
        notice.leave(response, message, place=call.place)
    return response


def address_of(call: PageCall) -> str | None:
    """Return the network address that the call came from."""
    return context_of(call.scope).address


def user_agent_of(call: PageCall) -> str | None:
    """Return what the browser calls itself, as far as it is worth keeping."""
    return call.headers.get("user-agent", "")[:_USER_AGENT_CHARACTERS] or None


def _in_words(seconds: int) -> str:
    """Return a wait, rounded up to minutes when it is long."""
    if seconds <= _A_LONG_WAIT:
        return words.count(seconds, "second")
    return words.count(-(-seconds // 60), "minute")


async def _form(
    call: PageCall, target: str, *, email: str = "", refused: SignInRefused | None = None
) -> Response:
    status, message = 200, None
    if refused is not None:
        wait = refused.retry_after_seconds
        status = 429 if wait else 422
        again = f"Too many attempts. Try again in {_in_words(wait)}."
        message = again if wait else _WRONG
    response = call.render(
        "sign_in/form.html",
        status,
        title="Sign in",
        email=email,
        target=target,
        message=message,
        is_set_up=await call.services.links.is_set_up(),
    )
    if status == 429:  # noqa: PLR2004 - RFC 6585
        assert refused is not None
        response.headers["Retry-After"] = str(refused.retry_after_seconds)
    return response
