"""What is known of a request beside its headers: kept in the ASGI scope by the gate."""

import time
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from starlette.types import Scope

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.networks import Visitor
from flowkeys.domain.limits.gcra import Passed, Taken
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens

KEY: Final = "flowkeys"
TRACE: Final = "flowkeys.trace"
"""Where the id of a request's trace is in its scope, if it has one."""


class Use(msgspec.Struct):
    """What is counted of a call when it has ended."""

    record: KeyRecord | None = None
    workspace_id: str = ""
    """Empty: nobody's, and for the server's own numbers only."""
    chatflow_id: str = ""
    model_tokens: ModelTokens = NO_TOKENS
    asked_bytes: int = 0


class RequestContext(msgspec.Struct):
    """One request's id and address, and what its log line will say."""

    request_id: str
    address: str | None
    facts: dict[str, Any] = {}
    """Members of the log line: ids and codes, never anything that a client wrote."""
    route: str | None = None
    use: Use | None = None
    """Set where calls are counted."""
    started: float = msgspec.field(default_factory=time.perf_counter)

    headers: Iterable[tuple[bytes, bytes]] = ()
    taken: Taken | Passed | None = None
    """What the call took of limits: the answer says what is left."""
    replaced: KeyRecord | None = None
    """The key that calls, when it does with a token that was replaced: the answer says so."""

    def calls(self, record: KeyRecord) -> None:
        """Note which key calls, and whether it does with a token that was replaced."""
        self.facts["key_id"] = record.key_id
        self.replaced = None if record.replaced is None else record

    @property
    def client(self) -> Visitor:
        """Where the request comes from."""
        return _Client(self.address, self.headers)


class _Client(msgspec.Struct, frozen=True, gc=False):
    """Implements the protocol `Client`; what few ask for is looked for when they do."""

    known: str | None
    headers: Iterable[tuple[bytes, bytes]]

    def address(self) -> str | None:
        """Return the address."""
        return self.known

    def user_agent(self) -> str | None:
        """Return what the client calls itself."""
        return user_agent(self.headers)

    def origin(self) -> str | None:
        """Return the site of the page that calls."""
        return origin(self.headers)


def user_agent(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the first ``User-Agent`` of headers with lower-case names, or None."""
    return next((value.decode("latin-1") for name, value in headers if name == b"user-agent"), None)


def origin(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the one ``Origin`` of headers with lower-case names, or None; with two a client could choose."""
    found = [value for name, value in headers if name == b"origin"]
    return found[0].decode("latin-1") if len(found) == 1 else None


def context_of(scope: Scope) -> RequestContext:
    """Return the context that the gate put into the scope."""
    context: RequestContext = scope[KEY]
    return context
