"""The application: the order of the layers, of which the innermost is loaded last."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope

from flowkeys.service.tracing import RequestTracing
from flowkeys.web.errors import Problem
from flowkeys.web.gate import AccessLog, Gate
from flowkeys.web.hot import FastPath, Hot, Refuser
from flowkeys.web.later import Later
from flowkeys.web.predictions.prediction import Predictions, WithPredictions
from flowkeys.web.requests.below import Below
from flowkeys.web.requests.traced import Traced
from flowkeys.web.services import Call, Services

if TYPE_CHECKING:
    from fastapi import FastAPI

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


def create(
    services: Services,
    lifespan: Lifespan,
    access_log: AccessLog | None,
    tracing: RequestTracing | None = None,
) -> ASGIApp:
    """Return the ASGI application: the hot routes > (below a path) > gate > predictions > framework.

    With `tracing` predictions that are let in go through the gate as well, each in a span.
    """
    predictions = Predictions(
        services.predictor, services.directory, services.refusals, services.max_body_bytes
    )

    def make() -> "FastAPI":
        from flowkeys.web import framework

        return framework.create(services, predictions)

    later = Later(make, lifespan)

    async def page(scope: Scope, receive: Receive, refusal: Problem) -> ASGIApp:
        app = await later.made()
        from flowkeys.web.pages.router import page_of_error

        return await page_of_error(Call({**scope, "app": app}, receive), refusal)

    gate: ASGIApp = Gate(
        WithPredictions(later, predictions),
        services.proxies,
        services.refusals,
        access_log,
        services.calls,
        page,
    )
    refuser = Refuser(services.proxies, services.refusals, access_log, services.calls)
    path = services.public_urls.path
    hot = Hot(
        services.verifier,
        services.predictor,
        refuser,
        services.max_body_bytes,
        key_header=services.key_header,
        path=path,
        hands_on=tracing is not None,
    )
    if tracing is not None:
        gate = Traced(gate, tracing, services.proxies)
    return FastPath(Below(gate, path) if path else gate, hot)
