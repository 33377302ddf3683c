"""What is known of a request beside its headers: kept in the ASGI scope by the gate."""

from typing import Any, Final

import msgspec
from starlette.types import Scope

from flowkeys.domain.keys.networks import KnownClient

KEY: Final = "flowkeys"


class RequestContext(msgspec.Struct):
    """One request's id and address, and what its log line will say."""

    request_id: str
    address: str | None
    facts: dict[str, Any] = {}
    """Members of the log line: ids and codes, never anything that a client wrote."""
    route: str | None = None

    @property
    def client(self) -> KnownClient:
        """Where the request comes from."""
        return KnownClient(self.address)


def context_of(scope: Scope) -> RequestContext:
    """Return the context that the gate put into the scope."""
    context: RequestContext = scope[KEY]
    return context
