"""Routes that say who may call them.

Every route declares a permission, or that any good key will do, or that it is open; the declaration is what
authenticates the call, before its body is read, and what the description shows. There is no default.

A client may hold its body back for as long as it likes. So what was decided before the body is decided again
behind one that was waited for: a key that was taken away meanwhile does nothing more.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from flowkeys.web.auth import authenticate
from flowkeys.web.errors import KINDS, Refused, problem
from flowkeys.web.requests.body import decode, require_identity
from flowkeys.web.requests.context import context_of
from flowkeys.web.requests.json_mistakes import FORMS
from flowkeys.web.requests.raw_body import read_body
from flowkeys.web.schemas.problem import ProblemOut
from flowkeys.web.services import Call

PREFIX: Final = "/api/v1"
OPEN: Final = "open"
"""No credential is asked for. The list of these routes is held by a test."""
ANY_KEY: Final = "any key"
"""Any good key may call; what it may do, from where, and whether that was a use, is the handler's to say."""

NEEDS: Final = "x-permission"
_CREDENTIAL_CODES: Final = (
    "missing_credentials", "invalid_request", "unknown_key", "expired_key", "revoked_key", "disabled_key",
)  # fmt: skip
_SECURITY: Final[list[dict[str, list[str]]]] = [{"bearerKey": []}]

Endpoint = Callable[..., Coroutine[Any, Any, Any]]


class GuardedRoute(APIRoute):
    """A route that authenticates, reads the body, authenticates again if it waited, and calls the handler."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the guard in front of it."""
        inner = super().get_route_handler()
        needs: str = (self.openapi_extra or {})[NEEDS]
        permission = None if needs in {OPEN, ANY_KEY} else needs
        takes_json = self.body_field is not None
        may_be_empty = self.body_field is not None and not self.body_field.field_info.is_required()
        route = self.path_format

        async def guarded(request: Request) -> Response:
            context_of(request.scope).route = route
            call = Call(request.scope, request.receive)
            if needs != OPEN:
                await admit(call)
            if takes_json:
                meanwhile = _Meanwhile()
                await _read_json(call, call.services.max_body_bytes, may_be_empty=may_be_empty)
                if meanwhile.is_over() and needs != OPEN:
                    await admit(call, again=True)
            return await inner(call)

        async def admit(call: Call, *, again: bool = False) -> None:
            is_any = needs == ANY_KEY
            counts = not is_any and not again  # once for a call
            call.state.caller = await authenticate(
                call.services, call.scope, permission, counts=counts, from_anywhere=is_any
            )

        return guarded


class GuardedRouter(APIRouter):
    """A router whose every route is guarded."""

    def __init__(self, *, tags: list[str]) -> None:
        super().__init__(prefix=PREFIX, tags=list(tags), route_class=GuardedRoute, redirect_slashes=False)

    def on(
        self,
        method: str,
        path: str,
        *,
        needs: str,
        answers: Any,
        status: int = 200,
        errors: tuple[str, ...] = (),
        extra: dict[str, Any] | None = None,
        response_class: type[Response] = JSONResponse,
    ) -> Callable[[Endpoint], Endpoint]:
        """Add a route.

        `answers` is the schema of the answer, for the description, and `response_class` names its media type;
        `errors` are the codes it may refuse with, beside those of the credential, of a missing permission and
        of outages, which are implied.
        """
        codes = ["internal_error", "unavailable", "invalid_request", "rate_limited", *errors]
        if "too_large" in errors:  # it takes a body
            codes.append("unsupported_encoding")
        if needs != OPEN:
            codes += _CREDENTIAL_CODES
            codes += ["permission_missing"]
        return self.api_route(
            path,
            methods=[method],
            status_code=status,
            response_model=None,
            response_class=response_class,
            responses={status: {"model": answers}, **_described(codes)},
            openapi_extra={
                NEEDS: needs,
                **({} if needs == OPEN else {"security": _SECURITY}),
                **(extra or {}),
            },
        )


class _Meanwhile:
    """Tells whether anything else could happen since it was made: whether the event loop went on."""

    __slots__ = ("_handle", "_went_on")

    def __init__(self) -> None:
        self._went_on = False
        self._handle = asyncio.get_running_loop().call_soon(self._note)

    def _note(self) -> None:
        self._went_on = True

    def is_over(self) -> bool:
        """Tell so, and look no longer."""
        self._handle.cancel()
        return self._went_on


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `data` as JSON that nobody may keep."""
    return Response(
        msgspec.json.encode(data),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def _described(codes: list[str]) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: {
            "model": ProblemOut,
            "description": "; ".join(f"`{code}`: {KINDS[code].title}" for code in found),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
        }
        for status, found in sorted(by_status.items())
    }


async def _read_json(request: Request, limit_bytes: int, *, may_be_empty: bool) -> None:
    """Read and decode the body once, strictly; what follows finds it ready."""
    require_identity(request.scope["headers"])
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request.scope, request.receive, limit_bytes)
    if body and content_type != "application/json" and not content_type.endswith("+json"):
        sent = "a form" if content_type in FORMS else "no JSON" if content_type else "of no type"
        detail = (
            f"The body is {sent}, by its Content-Type. "
            "Send a JSON body with the header Content-Type: application/json."
        )
        raise Refused(problem("invalid_json", detail))
    decoded = None if may_be_empty and not body else decode(body)
    # Where the framework keeps what it has read itself.
    request._body = body  # noqa: SLF001
    request._json = decoded  # noqa: SLF001
