"""The application: the order of the layers, of which the innermost is loaded last."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple

from starlette.types import ASGIApp, Receive, Scope

from flowkeys.domain.keys.header import KeyHeader
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.usage import CallRecorder
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.tracing import RequestTracing
from flowkeys.web.errors import Problem
from flowkeys.web.gate import AccessLog, Gate
from flowkeys.web.hot import FastPath, Hot, Refuser
from flowkeys.web.later import Later
from flowkeys.web.predictions.prediction import Predictions, WithPredictions
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from flowkeys.web.requests.below import Below
from flowkeys.web.requests.traced import Traced

if TYPE_CHECKING:
    from fastapi import FastAPI

    from flowkeys.web.services import Services

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


class Front(NamedTuple):
    """What the layers need that stand before the framework; those in it have `Services`."""

    verifier: Verifier
    calls: CallRecorder
    predictor: Predictor
    directory: ChatflowDirectory
    refusals: Refusals
    proxies: TrustedProxies
    path: str
    """What this server is below."""
    key_header: KeyHeader | None
    max_body_bytes: int


def create(
    front: Front,
    services: "Callable[[], Services]",
    lifespan: Lifespan,
    access_log: AccessLog | None,
    tracing: RequestTracing | None = None,
) -> FastPath:
    """Return the ASGI application: the hot routes > (below a path) > gate > predictions > framework.

    `services` are made with the framework, in its thread. With `tracing` predictions that are let in go
    through the gate as well, each in a span.
    """
    predictions = Predictions(front.predictor, front.directory, front.refusals, front.max_body_bytes)

    def make() -> "FastAPI":
        from flowkeys.web import framework

        return framework.create(services(), predictions)

    later = Later(make, lifespan)

    async def page(scope: Scope, receive: Receive, refusal: Problem) -> ASGIApp:
        app = await later.made()
        from flowkeys.web.pages.router import page_of_error
        from flowkeys.web.services import Call

        return await page_of_error(Call({**scope, "app": app}, receive), refusal)

    gate: ASGIApp = Gate(
        WithPredictions(later, predictions), front.proxies, front.refusals, access_log, front.calls, page
    )
    refuser = Refuser(front.proxies, front.refusals, access_log, front.calls)
    hot = Hot(
        front.verifier,
        front.predictor,
        refuser,
        front.max_body_bytes,
        key_header=front.key_header,
        path=front.path,
        hands_on=tracing is not None,
    )
    if tracing is not None:
        gate = Traced(gate, tracing, front.proxies)
    return FastPath(Below(gate, front.path) if front.path else gate, hot, later.made)
