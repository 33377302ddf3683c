"""The blocking client."""

import time
from collections.abc import Callable, Generator, Iterator
from functools import partial, wraps
from typing import ParamSpec, Self, TypeVar

import httpx
from msgspec import UNSET, UnsetType

from flowkeys.client import (
    audit,
    chatflows,
    customers,
    document_stores,
    key_rotations,
    keys,
    policy,
    predictions,
    usage,
    webhooks,
)
from flowkeys.client.call import Call, Listing, following
from flowkeys.client.connection import DEFAULT_TIMEOUT, Attempts, Connection, Timeout, cut_short, read_answer
from flowkeys.client.events import Event, EventReader
from flowkeys.client.http.pools import Pool

P = ParamSpec("P")
T = TypeVar("T")


class Client:
    """Manages keys and runs chatflows. Close it, or use it in a ``with``.

    Safe to share between threads. A process that was forked begins with connections of its own.

    Args:
        base_url: where the server is; ``FLOWKEYS_URL`` unless given.
        api_key: the key to present; ``FLOWKEYS_API_KEY`` unless given, ``""`` for none.
        timeout: seconds, or an ``httpx.Timeout``; unless given 120, and 5 to connect.
        max_retries: how often a call is tried again where that is safe.
        http_client: an ``httpx.Client`` to send with, which stays yours to close. Unless given, proxy and
            certificates are those of the environment (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE``…); a
            server on this machine is called without a proxy.

    Raises:
        ClientConfigurationError: an argument or a variable cannot be right, and the message names it.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: Timeout | UnsetType = UNSET,
        max_retries: int = 2,
        http_client: httpx.Client | None = None,
    ) -> None:
        self._connection = Connection(base_url, api_key, timeout, max_retries)
        self._given = http_client
        if http_client is None:
            options = self._connection.transport().options
            self._pool = Pool(lambda: httpx.Client(timeout=DEFAULT_TIMEOUT, **options))
        self.keys, self.customers = Keys(self), Customers(self)
        self.chatflows, self.collections = Chatflows(self), Collections(self)
        self.policy, self.audit, self.webhooks = Policy(self), Audit(self), Webhooks(self)
        self.usage = UsageCalls(self)
        self.predict = self.verb(predictions.predict)
        self.stream = self.streaming(predictions.stream)
        self.ping = self.verb(predictions.ping)

    def verb(self, build: Callable[P, Call[T]]) -> Callable[P, T]:
        """Return `build` as a function that performs the call it describes."""

        @wraps(build)
        def perform(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.run(build(*args, **kwargs))

        return perform

    def listing(self, build: Callable[P, Call[Listing[T]]]) -> Callable[P, Iterator[T]]:
        """Return `build` as a function that iterates over a list, however many parts it comes in."""

        @wraps(build)
        def iterate(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            call: Call[Listing[T]] | None = build(*args, **kwargs)
            while call is not None:
                part = self.run(call)
                yield from part.items
                call = following(call, part)

        return iterate

    def streaming(self, build: Callable[P, Call[EventReader]]) -> Callable[P, "EventStream"]:
        """Return `build` as a function that reads the stream which the call is answered with."""

        @wraps(build)
        def stream(*args: P.args, **kwargs: P.kwargs) -> EventStream:
            call = build(*args, **kwargs)
            return EventStream(partial(self.send, call, stream=True), call, self._connection)

        return stream

    def run(self, call: Call[T]) -> T:
        """Perform any call and return its result."""
        return read_answer(call, self.send(call))

    def send(self, call: Call[T], *, stream: bool = False) -> httpx.Response:
        """Send a call, again where that is safe, and return the answer if it is a success."""
        attempts = Attempts(call, self._connection)
        http = self._pool.current() if self._given is None else self._given
        while True:
            request = self._connection.request(http, call)
            try:
                response = http.send(request, stream=stream, follow_redirects=False)
                if response.is_success:
                    return response
                response.read()
            except httpx.RequestError as error:
                wait = attempts.broken(error)
            else:
                wait = attempts.refused(response)
            time.sleep(wait)

    def close(self) -> None:
        """Close the connections, unless `http_client` was given."""
        if self._given is None:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._connection.base_url!r})"


class EventStream:
    """The events of one answer: an iterator, and a context manager that hangs up when it is left."""

    def __init__(
        self, send: Callable[[], httpx.Response], call: Call[EventReader], connection: Connection
    ) -> None:
        self._send = send
        self._call = call
        self._connection = connection
        self._response: httpx.Response | None = None
        self._events: Generator[Event, None, None] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._events is None:
            self._events = _events(self._open(), self._call, self._connection)
        return next(self._events)

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. A flow that is still running is stopped by the server."""
        if self._events is not None:
            self._events.close()
        if self._response is not None:
            self._response.close()

    def _open(self) -> httpx.Response:
        if self._response is None:
            self._response = self._send()
        return self._response


def _events(
    response: httpx.Response, call: Call[EventReader], connection: Connection
) -> Generator[Event, None, None]:
    # Not a method: a stream that is dropped half-way hangs up at once, having no reference to itself.
    try:
        reader = read_answer(call, response)
        for chunk in response.iter_bytes():
            yield from reader.feed(chunk)
            if reader.ended:
                return
    except httpx.RequestError as error:
        raise connection.broken_off(error) from error
    finally:
        response.close()
    raise cut_short()


class Keys:
    """``client.keys``: API keys."""

    def __init__(self, client: Client) -> None:
        self.create = client.verb(keys.create)
        self.list = client.listing(keys.every)
        self.page = client.verb(keys.page)
        self.get = client.verb(keys.get)
        self.update = client.verb(keys.update)
        self.rotate = client.verb(key_rotations.rotate)
        self.set_grace = client.verb(key_rotations.set_grace)
        self.end_rotation = client.verb(key_rotations.end_rotation)
        self.disable = client.verb(keys.disable)
        self.enable = client.verb(keys.enable)
        self.revoke = client.verb(keys.revoke)
        self.disable_many = client.verb(keys.disable_many)
        self.enable_many = client.verb(keys.enable_many)
        self.revoke_many = client.verb(keys.revoke_many)
        self.set_chatflows = client.verb(keys.set_chatflows)
        self.verify = client.verb(keys.verify)
        self.verify_many = client.verb(keys.verify_many)
        self.explain = client.verb(keys.explain)
        self.reports = client.verb(audit.reports)
        self.report = client.verb(audit.report)
        self.usage = client.verb(usage.of_key)


class Customers:
    """``client.customers``: whom keys belong to."""

    def __init__(self, client: Client) -> None:
        self.create, self.list = client.verb(customers.create), client.listing(customers.every)
        self.page, self.get = client.verb(customers.page), client.verb(customers.get)
        self.update, self.disable = client.verb(customers.update), client.verb(customers.disable)
        self.enable, self.revoke = client.verb(customers.enable), client.verb(customers.revoke)
        self.delete, self.usage = client.verb(customers.delete), client.verb(usage.of_customer)


class Chatflows:
    """``client.chatflows``: chatflows, the keys bound to them, and their conversations."""

    def __init__(self, client: Client) -> None:
        self.create, self.list = client.verb(chatflows.create), client.listing(chatflows.every)
        self.page, self.get = client.verb(chatflows.page), client.verb(chatflows.get)
        self.update, self.delete = client.verb(chatflows.update), client.verb(chatflows.delete)
        self.bind, self.set_keys = client.verb(chatflows.bind), client.verb(chatflows.set_keys)
        self.unbind, self.add_key = client.verb(chatflows.unbind), client.verb(chatflows.add_key)
        self.remove_key, self.messages = client.verb(chatflows.remove_key), client.verb(chatflows.messages)
        self.usage = client.verb(usage.of_chatflow)


class Collections:
    """``client.collections``: document stores."""

    def __init__(self, client: Client) -> None:
        self.create, self.list = client.verb(document_stores.create), client.listing(document_stores.every)
        self.get, self.delete = client.verb(document_stores.get), client.verb(document_stores.delete)
        self.upload = client.verb(document_stores.upload)
        self.documents = client.listing(document_stores.documents)
        self.delete_document = client.verb(document_stores.delete_document)


class Policy:
    """``client.policy``: what the workspace asks of all its keys."""

    def __init__(self, client: Client) -> None:
        self.get, self.update = client.verb(policy.get), client.verb(policy.update)
        self.check = client.verb(policy.check)


class Webhooks:
    """``client.webhooks``: where events are announced."""

    def __init__(self, client: Client) -> None:
        self.create, self.list = client.verb(webhooks.create), client.listing(webhooks.every)
        self.get, self.update = client.verb(webhooks.get), client.verb(webhooks.update)
        self.delete, self.test = client.verb(webhooks.delete), client.verb(webhooks.test)
        self.replace_secret = client.verb(webhooks.replace_secret)
        self.deliveries, self.resend = client.listing(webhooks.deliveries), client.verb(webhooks.resend)


class Audit:
    """``client.audit``: who did what."""

    def __init__(self, client: Client) -> None:
        self.list = client.listing(audit.every)
        self.page = client.verb(audit.page)
        self.head = client.verb(audit.head)


class UsageCalls:
    """``client.usage``: how much was used, of the workspace and of the key that asks."""

    def __init__(self, client: Client) -> None:
        self.summary = client.verb(usage.summary)
        self.own = client.verb(usage.own)
