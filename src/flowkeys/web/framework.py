"""The framework's application: the management API, its description, and the pages.

It is most of what there is to load, and nobody waits for it: `app` makes it when the server is ready.
"""

from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from flowkeys.domain.errors import FieldError, FlowkeysError
from flowkeys.web.api import (
    audit,
    chatflows,
    customers,
    document_stores,
    explain,
    forward_auth,
    key_bulk,
    key_rotations,
    keys,
    open_routes,
    policy,
    predictions,
    usage,
    verify,
    webhooks,
)
from flowkeys.web.api.feed import changes
from flowkeys.web.api.flows import code, credentials, executions, tools, variables
from flowkeys.web.errors import CONTENT_TYPE, Problem, Refused, of_error, problem
from flowkeys.web.pages.all import ROUTERS
from flowkeys.web.pages.router import page_of_error
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.predictions.prediction import Predictions
from flowkeys.web.requests.context import context_of
from flowkeys.web.requests.raw_body import ClientGone
from flowkeys.web.respond import wants_page
from flowkeys.web.routes import PREFIX
from flowkeys.web.services import Services

_OTHER_FORM: Final = frozenset({"list_type", "model_type", "model_attributes_type"})
_MODULES = (
    *(verify, explain, changes, key_bulk, key_rotations, keys, customers, policy),
    *(chatflows, code, document_stores, credentials, variables, audit, webhooks, predictions, executions),
    *(tools, usage, open_routes),
)


class Framework(FastAPI):
    """FastAPI without spans and metrics of its own: ours name nobody (ADR 41), and do not cost each call."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        await Starlette.__call__(self, scope, receive, send)


def create(services: Services, predictions: Predictions) -> FastAPI:
    """Return the framework's application over the services."""
    app = describe(services.version)
    app.state.services = services
    app.state.predictions = predictions
    return app


def describe(version: str) -> FastAPI:
    """Return the framework's application with every route; its description needs no services."""
    app = Framework(
        title="flowkeys",
        version=version,
        summary="API keys for chatflows.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    # Not by `include_router`, which makes each route a second time and looks through router after router.
    for router in (*(module.router for module in _MODULES), *ROUTERS):
        app.router.routes.extend(router.routes)
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(FlowkeysError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_crash)
    _describe_security(app)
    return app


def _describe_security(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        description = generate()
        description["paths"].update(forward_auth.paths())
        schemes = description.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["bearerKey"] = {"type": "http", "scheme": "bearer", "description": "A key: fl-…"}
        for path in description["paths"].values():
            for operation in path.values():
                _keep_problems_only(operation["responses"])
        for name in ("HTTPValidationError", "ValidationError"):
            description["components"]["schemas"].pop(name, None)
        return description

    app.openapi = openapi  # type: ignore[method-assign]


def _keep_problems_only(responses: dict[str, Any]) -> None:
    """Take out what the framework adds by itself: its own form of 422, where we have no such answer."""
    for status in [status for status in responses if status[0] in "45"]:
        content = responses[status]["content"]
        for media_type in set(content) - {CONTENT_TYPE}:
            del content[media_type]
        if not content:
            del responses[status]


async def _response(request: Request, refusal: Problem) -> Response:
    """Return a problem: as a page to a browser that looks for one, else as JSON."""
    if wants_page(request.scope):
        return await page_of_error(request, refusal)
    context = context_of(request.scope)
    context.facts["code"] = refusal.code
    headers = {"Cache-Control": "no-store", **dict(refusal.headers)}
    return Response(refusal.body(context.request_id), refusal.status, headers, media_type=CONTENT_TYPE)


async def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return await _response(request, error.problem)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FlowkeysError)
    log_failure(error, context_of(request.scope).request_id)
    return await _response(request, of_error(error))


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = [item for item in error.errors() if not _is_of_other_form(item)] or error.errors()
    found = {_field(item["loc"]): _message(item) for item in mistakes}
    fields = [FieldError(field, message) for field, message in found.items()]
    detail = "; ".join(f"{item.field}: {item.message}" for item in fields)
    return await _response(request, problem("validation_failed", detail, *fields))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(error.status_code)
    if code is None:
        code = "invalid_json" if error.status_code < 500 else "internal_error"  # noqa: PLR2004
    detail = "There is no such path here." if code == "not_found" else None
    headers = [("Allow", _allowed(request))] if code == "method_not_allowed" else []
    return await _response(request, problem(code, detail, headers=headers))


def _allowed(request: Request) -> str:
    """Return every method of a path: the framework names those of the first route that matches it."""
    path = request.scope["path"]
    routers = [module.router for module in _MODULES] if path.startswith(PREFIX) else ROUTERS
    found = {
        method
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and route.path_regex.match(path)
        for method in route.methods or ()
    }
    return ", ".join(sorted(found))


async def _on_crash(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientGone):  # nobody is there to be answered; the gate says so in the log
        raise error
    return await _response(request, problem("internal_error"))


def _is_of_other_form(item: dict[str, Any]) -> bool:
    """Tell whether an error is about a form of a body that takes two, and that it has not got."""
    location = item["loc"]
    return item["type"] in _OTHER_FORM and len(location) > 1 and _is_form(location[1])


def _is_form(part: int | str) -> bool:
    """Tell whether a part of a location names a type: members of ours begin with a small letter."""
    return isinstance(part, str) and (part[:1].isupper() or "[" in part)


def _field(location: tuple[int | str, ...]) -> str:
    # A form is followed by one of its members; without one it is a member itself, and an unknown one.
    is_form = len(location) > 2 and _is_form(location[1])  # noqa: PLR2004
    parts = location[:1] + location[2:] if is_form else location
    return ".".join(str(part) for part in parts if part not in {"body", "query", "path"}) or "body"


def _message(error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such member."
    if error["type"] == "missing":
        return "This is needed."
    return f"{error['msg']}."
