"""What both clients share: where the server is, the requests made to it, and what follows each attempt."""

import random
import re
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.client.call import API_PATH, Call
from flowkeys.client.errors import (
    ClientConfigurationError,
    ConnectionFailed,
    UnexpectedAnswer,
    from_answer,
    scrub,
)
from flowkeys.client.http.environment import variable
from flowkeys.client.http.transport import OWN_CLIENT, Transport
from flowkeys.domain.keys.pasted import cleaned, mistake
from flowkeys.domain.keys.token import PATTERN

T = TypeVar("T")
Timeout = float | httpx.Timeout | None

DEFAULT_TIMEOUT: Final = httpx.Timeout(120.0, connect=5.0)
"""A flow may think for long before it answers; in a stream the server is heard from every 15 seconds."""
LONGEST_WAIT_SECONDS: Final = 30.0
"""A server that asks for a longer wait gets none: the error is raised, with `retry_after`."""

_FIRST_WAIT_SECONDS: Final = 0.25
_RATE_LIMITED: Final = 429
_TRANSIENT: Final = frozenset({429, 502, 503, 504})
_NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""A `ProxyError` is a tunnel that was refused: nothing of the call had been sent."""
_B64TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class Connection:
    """Where the server is and what is sent with every call. Its ``repr`` never shows the key."""

    def __init__(
        self, base_url: str | None, api_key: str | None, timeout: Timeout | UnsetType, max_retries: int
    ) -> None:
        if max_retries < 0:
            raise ClientConfigurationError("max_retries must not be negative.")
        self.base_url = _clean_url(base_url or variable("FLOWKEYS_URL"))
        self.max_retries = max_retries
        self._timeout = httpx.USE_CLIENT_DEFAULT if isinstance(timeout, UnsetType) else timeout
        self._key = _clean_key(variable("FLOWKEYS_API_KEY") if api_key is None else api_key)
        self._transport: Transport | None = None

    def __repr__(self) -> str:
        return f"Connection({self.base_url!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold."""
        return (self._key,) if self._key else ()

    def transport(self, *, otherwise: str = OWN_CLIENT) -> Transport:
        """Return how the server is reached from here, for who sends with no client of the caller's own.

        Raises:
            ClientConfigurationError: a variable of the environment names what cannot be used.
        """
        self._transport = Transport(self.base_url, otherwise=otherwise)
        return self._transport

    def request(self, http: httpx.Client | httpx.AsyncClient, call: Call[T]) -> httpx.Request:
        """Return the request for a call.

        Raises:
            ValueError: the address would hold a token, which ends up in logs.
        """
        headers = {"Accept": "application/json, text/event-stream", "User-Agent": "flowkeys-python"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        content = None
        if call.body is not UNSET:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(call.body)
        request = http.build_request(
            call.method,
            f"{self.base_url}{API_PATH}{call.path}",
            params=call.params or None,
            headers=headers,
            content=content,
            files=call.files or None,
            timeout=self._timeout,
        )
        url = str(request.url)
        if PATTERN.search(url) or any(secret in url for secret in self.secrets):
            raise ValueError("A token does not belong in an address: name the key by its id.")
        return request

    def broken_off(self, error: httpx.RequestError, *, connected: bool = True) -> ConnectionFailed:
        """Return the error for a call that got no answer, or a part of one."""
        cause = scrub(str(error), self.secrets).rstrip(".") or type(error).__name__
        if connected:
            detail = f"The connection broke off: {cause}. It is not known whether the call took effect."
        else:
            detail = f"The server cannot be reached: {cause}."
        failed = ConnectionFailed(detail + self.note(cause), code="connection_failed")
        failed.proxy = self.proxy
        return failed

    def note(self, cause: object = "") -> str:
        """Return what to say beside a failed call about the way that it took, or nothing."""
        return "" if self._transport is None else self._transport.note(cause)

    @property
    def proxy(self) -> str | None:
        """The variable that names the proxy which calls go through, if they do."""
        proxy = None if self._transport is None else self._transport.proxy
        return None if proxy is None else proxy.named_by


class Attempts:
    """Decides what follows each attempt at one call: a wait, or the error that the caller sees.

    A call that may be repeated is tried again after any transport failure and after 429, 502, 503 and 504.
    One that may not (create, upload, predict) only when no connection was made, or after a 429 with
    ``Retry-After``, which is said before anything is done. A 503 can come late: a flow has run, and its
    messages could not be stored.
    """

    def __init__(self, call: Call[T], connection: Connection) -> None:
        self._repeatable = call.repeatable
        self._left = connection.max_retries
        self._backoff = _FIRST_WAIT_SECONDS
        self._connection = connection

    def broken(self, error: httpx.RequestError) -> float:
        """Return the seconds to wait after a failure of the transport.

        Raises:
            ConnectionFailed: it is not to be tried again.
        """
        connected = not isinstance(error, _NEVER_CONNECTED)
        if self._repeatable or not connected:
            wait = self._wait(0.0)
            if wait is not None:
                return wait
        raise self._connection.broken_off(error, connected=connected) from error

    def refused(self, response: httpx.Response) -> float:
        """Return the seconds to wait after an answer that is not a success.

        Raises:
            FlowkeysApiError: it is not to be tried again.
        """
        connection = self._connection
        error = from_answer(
            response.status_code,
            response.headers,
            response.content,
            secrets=connection.secrets,
            note=connection.note(),
        )
        if error.code is None:
            error.proxy = connection.proxy
        asked = error.retry_after
        if self._repeatable:
            again = response.status_code in _TRANSIENT
        else:
            again = response.status_code == _RATE_LIMITED and asked is not None
        wait = self._wait(asked or 0.0) if again else None
        if wait is None:
            raise error
        return wait

    def _wait(self, at_least: float) -> float | None:
        if self._left <= 0 or at_least > LONGEST_WAIT_SECONDS:
            return None
        self._left -= 1
        backoff, self._backoff = self._backoff, self._backoff * 2
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # it spreads clients out, nothing depends on it
        return at_least + min(backoff, LONGEST_WAIT_SECONDS) * jitter


def cut_short() -> ConnectionFailed:
    """Return the error for a stream that stopped without its `End`: what was read is not the whole answer."""
    return ConnectionFailed("The stream stopped before its end.", code="connection_failed")


def read_answer(call: Call[T], response: httpx.Response) -> T:
    """Return the result of a call.

    Raises:
        UnexpectedAnswer: the body is not what the contract says.
    """
    try:
        return call.decode(response)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(
            f"The answer is not what was expected: {error}",
            status=response.status_code,
            request_id=response.headers.get("x-request-id"),
        ) from error


def _clean_url(url: str | None) -> str:
    if not url or not url.strip():
        raise ClientConfigurationError(
            "Give base_url, or set FLOWKEYS_URL, for example https://keys.example.com."
        )
    try:
        parts = urlsplit(url.strip())
        httpx.URL(url.strip())
        _ = parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise ClientConfigurationError(
            f"base_url is no address, as https://keys.example.com is: {error}"
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ClientConfigurationError("base_url must begin with https:// or http:// and name a host.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ClientConfigurationError("base_url must hold no user, query or fragment.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(API_PATH)}"


def _clean_key(key: str | None) -> str | None:
    """Return a key without what comes along when it is copied: quotes, ``Bearer``, a mark, a line end."""
    key = cleaned(key) if key else None
    if key and not _B64TOKEN.fullmatch(key):
        raise ClientConfigurationError(
            f"api_key (or FLOWKEYS_API_KEY) has characters that no key has. {mistake(key)}"
        )
    return key or None
