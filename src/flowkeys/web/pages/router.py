"""Pages that say who may see them, as the routes of the API do.

A page is open, or for whoever is signed in, or for who holds a permission. Every request that changes
something must come from our own pages, signed in or not.
"""

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from flowkeys.domain.errors import FlowkeysError, Forbidden
from flowkeys.domain.keys.decision import Reason
from flowkeys.domain.keys.token import conceal
from flowkeys.domain.principal import Caller
from flowkeys.web.errors import Problem, Refused, of_error, problem
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame import headers
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.requests import sign_in_cookie
from flowkeys.web.requests.context import context_of
from flowkeys.web.requests.origin import SAFE_METHODS
from flowkeys.web.routes import NEEDS, OPEN

SIGNED_IN: Final = "signed in"
"""Whoever is signed in may see the page."""

_NOT_OURS: Final = (
    "This did not come from a page of this server, so nothing was done. When it is reached under another"
    " address than it knows, behind a proxy for example, its operator has to set FLOWKEYS_PUBLIC_URL."
)

_SIGNED_OUT: Final = (
    "You are signed out. Sign in in another tab, then send this again: what you typed is still here."
)

_IN_ADDRESS: Final = (
    "A token in the address",
    (
        "An address ends up in histories and logs. So this one was not looked at, and nothing was done. To"
        " find a key, search for its name or for the last four characters of its token. If others can see the"
        " address, revoke the key and make a new one."
    ),
)

Endpoint = Callable[..., Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route that looks who is signed in, and answers with pages even where it refuses."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the guard in front of it."""
        inner = super().get_route_handler()
        needs: str = (self.openapi_extra or {})[NEEDS]

        async def guarded(request: Request) -> Response:
            context_of(request.scope).route = self.path_format
            call = PageCall(request.scope, request.receive)

            async def still() -> None:
                await _look_again(call, needs)

            call.state.still = still
            try:
                response = await _enter(call, needs) or await inner(call)
            except Refused as refused:
                response = error_page(call, refused.problem)
            except FlowkeysError as error:
                log_failure(error, context_of(call.scope).request_id)
                response = error_page(call, of_error(error))
            return headers.secure(response, is_https=call.place.is_https)

        return guarded


class PageRouter(APIRouter):
    """A router whose every route is a page."""

    def __init__(self) -> None:
        super().__init__(route_class=PageRoute, redirect_slashes=False, include_in_schema=False)

    def page(self, method: str, path: str, *, needs: str) -> Callable[[Endpoint], Endpoint]:
        """Add a page; `needs` is `OPEN`, `SIGNED_IN` or the name of a permission."""
        return self.api_route(
            path,
            methods=[method],
            response_model=None,
            response_class=HTMLResponse,
            openapi_extra={NEEDS: needs},
        )


async def _enter(call: PageCall, needs: str) -> Response | None:
    """Find out who calls; return an answer when the page is not for them.

    Raises:
        Forbidden: the person lacks the permission.
        Refused: the request comes from another site.
    """
    if call.method not in SAFE_METHODS and not call.services.public_urls.made(call.scope):
        raise Refused(problem("cross_site", _NOT_OURS))
    await _sign_in(call)
    if needs != OPEN and not call.is_signed_in:
        return _ask_to_sign_in(call)
    _require(call, needs)
    return None


async def _look_again(call: PageCall, needs: str) -> None:
    """Find out anew who calls, behind a form that may have been long in coming.

    Raises:
        Forbidden: the person lacks the permission by now.
        Refused: nobody is signed in any more.
    """
    for name in ("person", "sign_in", "caller"):
        if hasattr(call.state, name):
            delattr(call.state, name)
    await _sign_in(call)
    if needs != OPEN and not call.is_signed_in:
        raise Refused(problem("missing_credentials", _SIGNED_OUT))
    _require(call, needs)


def _require(call: PageCall, needs: str) -> None:
    if needs not in {OPEN, SIGNED_IN} and not call.may(needs):
        raise Forbidden(
            f"This needs the permission {needs}, which you do not have. Ask an owner for it.", needs
        )


async def _sign_in(call: PageCall) -> None:
    secret = sign_in_cookie.read(call.scope, call.place)
    found = None if secret is None else await call.services.sign_ins.find(secret)
    if found is None:
        return
    context = context_of(call.scope)
    context.facts["person_id"] = found.person.id
    call.state.person = found.person
    call.state.sign_in = found.sign_in
    call.state.caller = Caller(found.person.as_principal(), context.address, context.request_id)


def _ask_to_sign_in(call: PageCall) -> Response:
    """Send them to the sign-in and back here; where something was typed, keep it on the screen instead."""
    if call.method in SAFE_METHODS and not call.is_part:
        query = f"?{call.url.query}" if call.url.query else ""
        back = quote(call.url.path + query, safe="")
        return RedirectResponse(f"/sign-in?next={back}" if call.url.path != "/" else "/sign-in", 303)
    return error_page(call, problem("missing_credentials", _SIGNED_OUT))


def error_page(call: PageCall, refusal: Problem) -> Response:
    """Return a page, or a part of one, that says what went wrong and how to go on."""
    context = context_of(call.scope)
    context.facts["code"] = refusal.code
    # Of all that makes a credential malformed, pages meet but one: they read none from a header.
    is_in_address = refusal.code == Reason.INVALID_REQUEST.value
    title, detail = _IN_ADDRESS if is_in_address else (refusal.title, refusal.detail)
    response = call.render(
        "error.html",
        refusal.status,
        problem=refusal,
        detail=conceal(detail),
        request_id=context.request_id,
        title=title,
    )
    for name, value in refusal.headers:
        if name.lower() == "retry-after":
            response.headers[name] = value
    return response


async def page_of_error(request: Request, refusal: Problem) -> Response:
    """Return an error page for a request that reached no page: there is none, or it broke."""
    call = PageCall(request.scope, request.receive)
    with contextlib.suppress(FlowkeysError):  # who is signed in still sees the way on
        await _sign_in(call)
    return headers.secure(error_page(call, refusal), is_https=call.place.is_https)
