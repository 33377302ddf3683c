"""The services that handlers call, put together by `bootstrap` and carried by the application's state."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.chatflows import ChatflowService
from flowkeys.service.collections import CollectionService
from flowkeys.service.keyring import Keyring
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictor import Predictor
from flowkeys.service.verifier import Verifier
from flowkeys.web.auth import current_caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a handler may call."""

    verifier: Verifier
    keyring: Keyring
    chatflows: ChatflowService
    predictor: Predictor
    collections: CollectionService
    directory: ChatflowDirectory
    clock: Clock
    max_body_bytes: int
    max_upload_bytes: int
    version: str


def services_of(request: Request) -> Services:
    """Return the application's services."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    return services_of(request)


ServicesHere = Annotated[Services, Depends(_services)]
CallerHere = Annotated[Caller, Depends(current_caller)]
