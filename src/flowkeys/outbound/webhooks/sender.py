"""One call to a webhook's address: where the operator allows it, and no longer or larger than need be.

A connection for each: receivers are many and calls are few. Redirects are not followed, and of an answer
nothing but its status is kept, so that nobody reads through us what they could not call themselves.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from flowkeys.domain.version import VERSION
from flowkeys.outbound import tls
from flowkeys.outbound.connecting import AddressRefusedError, Resolve, connect, resolve
from flowkeys.outbound.endpoints import Endpoint, Endpoints, read_endpoint
from flowkeys.outbound.http.connection import ClosedError, Connection, NotHttpError
from flowkeys.service.ports.webhooks import Answer

_ALLOW: Final = (
    "The operator can allow others: in allowed_endpoints of config.toml, which commands read too, or in "
    "FLOWKEYS_ALLOWED_ENDPOINTS, which the server and each command read from their own environment."
)
WHOLE_SECONDS: Final = 20.0
"""A try takes no longer, from looking up the name to the end of the answer."""
ANSWER_BYTES: Final = 64 * 1024
"""So much of an answer's body is read at most."""
_LONGEST_WAIT_SECONDS: Final = 86_400
_IN_TARGET: Final = "/%:@!$&'()*+,;=-._~?"
"""What stays as it is in the path and query that are sent (RFC 3986)."""


class Target(msgspec.Struct, frozen=True):
    """Where a call goes."""

    endpoint: Endpoint
    path: str
    """With the query, as it stands in a request."""


class HttpSender:
    """Implements the port `Sender`."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        resolver: Resolve = resolve,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        """Send to public addresses over TLS, and to what the operator listed."""
        self._endpoints = endpoints
        self._resolve = resolver
        self._seconds = whole_seconds

    def refusal(self, url: str) -> str | None:
        """Return why nothing may be sent to an address, as far as that shows without a look-up."""
        target = read_target(url)
        if isinstance(target, str):
            return target
        endpoint = target.endpoint
        if self._endpoints.lists(endpoint):
            return None
        if self._endpoints.refusal(endpoint) is not None:
            return f"{endpoint.scheme}://{endpoint.authority} is not a public address. {_ALLOW}"
        if endpoint.scheme != "https":
            return f"The address has to begin with https://. {_ALLOW}"
        return None

    async def send(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Post a body and return what came of it."""
        if why := self.refusal(url):
            return Answer(failure=why)
        target = read_target(url)
        assert isinstance(target, Target)
        begun = time.monotonic()
        answer = await self._call(target, headers, body)
        taken = int((time.monotonic() - begun) * 1000)
        return msgspec.structs.replace(answer, duration_ms=taken)

    async def _call(self, target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        endpoint = target.endpoint
        check = None if self._endpoints.lists(endpoint) else self._resolve
        connection: Connection | None = None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                context = await asyncio.to_thread(tls.context) if endpoint.scheme == "https" else None
                connection = await connect(
                    lambda: Connection(loop, lambda _: None), endpoint.host, endpoint.port, context, check
                )
                connection.send(_request(target, headers, body))
                await connection.head(self._seconds)
                await _read(connection)
        except TimeoutError:
            return _failed(connection, f"it did not answer within {self._seconds:g} seconds.")
        except AddressRefusedError:
            return Answer(failure="its name leads to an address that is not public.")
        except ssl.SSLError as error:
            return Answer(failure=f"its certificate was not accepted: {error.reason or 'no reason given'}.")
        except NotHttpError:
            return Answer(failure="it answered something that is not HTTP.")
        except ClosedError:
            return _failed(connection, "it closed the connection without an answer.")
        except OSError as error:
            return Answer(failure=f"it could not be reached: {error.strerror or type(error).__name__}.")
        finally:
            if connection is not None:
                connection.close()
        return _judged(connection)


def read_target(url: str) -> Target | str:
    """Return where a webhook's address leads, or what is wrong with it in words that do not repeat it."""
    bare = url.partition("#")[0].partition("?")[0]
    endpoint = read_endpoint(bare)
    if isinstance(endpoint, str):
        words = endpoint.replace("the base URL", "the address")
        return words[0].upper() + words[1:]
    if "#" in url:
        return "The address carries a fragment (#…), which is never sent."
    if any(c.isspace() or not c.isprintable() for c in url):
        return "The address has characters that do not belong in one."
    parts = urlsplit(url)
    path = quote(parts.path or "/", safe=_IN_TARGET)
    query = f"?{quote(parts.query, safe=_IN_TARGET)}" if parts.query else ""
    return Target(endpoint, path + query)


def _request(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.endpoint.authority}",
        f"User-Agent: flowkeys/{VERSION}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


async def _read(connection: Connection) -> None:
    """Read the answer to its end, so that its sender is not cut off; but not for ever."""
    heard = 0
    while heard <= ANSWER_BYTES and (part := await connection.read(WHOLE_SECONDS)):
        heard += len(part)


def _failed(connection: Connection | None, why: str) -> Answer:
    """Return the failure of a call; an answer whose status is there is one, whatever its body does."""
    if connection is not None and connection.status:
        return _judged(connection)
    return Answer(failure=why)


def _judged(connection: Connection) -> Answer:
    status = connection.status
    if 200 <= status < 300:  # noqa: PLR2004  # the class of successes
        return Answer(code=status)
    if status == 410:  # noqa: PLR2004  # Gone, as Standard Webhooks reads it
        return Answer(code=status, failure="it answered 410: nothing more is sent to it.")
    if 300 <= status < 400:  # noqa: PLR2004  # the class of redirects
        return Answer(code=status, failure=f"it answered {status}: redirects are not followed.")
    wait = None
    for name, value in connection.headers:
        if name == b"retry-after" and value.strip().isdigit():
            wait = min(int(value.strip()[:9]), _LONGEST_WAIT_SECONDS)
    return Answer(code=status, failure=f"it answered {status}.", retry_after_seconds=wait)
