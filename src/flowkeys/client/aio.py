"""The client for asyncio: the verbs of the blocking one, awaited."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial, wraps
from typing import Any, Final, ParamSpec, Self, TypeVar

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
from flowkeys.client.http.pools import AsyncPools

P = ParamSpec("P")
T = TypeVar("T")

_ONE_LOOP: Final = "An http_client= of your own serves one event loop"


class AsyncClient:
    """Manages keys and runs chatflows from asyncio. Close it, or use it in an ``async with``.

    It may be used in several event loops, one after the other or in threads: each has its own connections,
    which are closed when the loop ends. The arguments are those of `Client`, but that `http_client` is an
    ``httpx.AsyncClient``, which serves one loop.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: Timeout | UnsetType = UNSET,
        max_retries: int = 2,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._connection = Connection(base_url, api_key, timeout, max_retries)
        self._given = http_client
        if http_client is None:
            options = self._connection.transport().options
            self._pools = AsyncPools(lambda: httpx.AsyncClient(timeout=DEFAULT_TIMEOUT, **options))
        self.keys, self.customers = AsyncKeys(self), AsyncCustomers(self)
        self.chatflows, self.collections = AsyncChatflows(self), AsyncCollections(self)
        self.policy, self.audit, self.webhooks = AsyncPolicy(self), AsyncAudit(self), AsyncWebhooks(self)
        self.usage = AsyncUsageCalls(self)
        self.predict = self.verb(predictions.predict)
        self.stream = self.streaming(predictions.stream)
        self.ping = self.verb(predictions.ping)

    def verb(self, build: Callable[P, Call[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Return `build` as a coroutine function that performs the call it describes."""

        @wraps(build)
        async def perform(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self.run(build(*args, **kwargs))

        return perform

    def listing(self, build: Callable[P, Call[Listing[T]]]) -> Callable[P, AsyncIterator[T]]:
        """Return `build` as a function that iterates over a list, however many parts it comes in."""

        @wraps(build)
        async def iterate(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            call: Call[Listing[T]] | None = build(*args, **kwargs)
            while call is not None:
                part = await self.run(call)
                for item in part.items:
                    yield item
                call = following(call, part)

        return iterate

    def streaming(self, build: Callable[P, Call[EventReader]]) -> Callable[P, "AsyncEventStream"]:
        """Return `build` as a function that reads the stream which the call is answered with."""

        @wraps(build)
        def stream(*args: P.args, **kwargs: P.kwargs) -> AsyncEventStream:
            call = build(*args, **kwargs)
            return AsyncEventStream(partial(self.send, call, stream=True), call, self._connection)

        return stream

    async def run(self, call: Call[T]) -> T:
        """Perform any call and return its result."""
        return read_answer(call, await self.send(call))

    async def send(self, call: Call[T], *, stream: bool = False) -> httpx.Response:
        """Send a call, again where that is safe, and return the answer if it is a success."""
        attempts = Attempts(call, self._connection)
        http = self._pools.current() if self._given is None else self._given
        while True:
            request = self._connection.request(http, call)
            try:
                response = await http.send(request, stream=stream, follow_redirects=False)
                if response.is_success:
                    return response
                await response.aread()
            except httpx.RequestError as error:
                wait = attempts.broken(error)
            except RuntimeError as error:
                if self._given is None or "loop" not in str(error):
                    raise
                # asyncio's, of a kept connection. What it sent before may have arrived.
                wait = attempts.broken(httpx.ReadError(f"{error}. {_ONE_LOOP}"))
            else:
                wait = attempts.refused(response)
            await asyncio.sleep(wait)

    async def aclose(self) -> None:
        """Close the connections, unless `http_client` was given."""
        if self._given is None:
            await self._pools.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient({self._connection.base_url!r})"


class AsyncEventStream:
    """The events of one answer: an async iterator, and a context manager that hangs up when it is left."""

    def __init__(
        self, send: Callable[[], Awaitable[httpx.Response]], call: Call[EventReader], connection: Connection
    ) -> None:
        self._send = send
        self._call = call
        self._connection = connection
        self._response: httpx.Response | None = None
        self._events: AsyncGenerator[Event, None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._events is None:
            self._events = _events(await self._open(), self._call, self._connection)
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Hang up. A flow that is still running is stopped by the server."""
        if self._events is not None:
            await self._events.aclose()
        if self._response is not None:
            await self._response.aclose()

    async def _open(self) -> httpx.Response:
        if self._response is None:
            self._response = await self._send()
        return self._response


async def _events(
    response: httpx.Response, call: Call[EventReader], connection: Connection
) -> AsyncGenerator[Event, None]:
    try:
        reader = read_answer(call, response)
        async for chunk in response.aiter_bytes():
            for event in reader.feed(chunk):
                yield event
            if reader.ended:
                return
    except httpx.RequestError as error:
        raise connection.broken_off(error) from error
    finally:
        await response.aclose()
    raise cut_short()


class AsyncKeys:
    """``client.keys``: API keys."""

    def __init__(self, client: AsyncClient) -> None:
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


class AsyncCustomers:
    """``client.customers``: whom keys belong to."""

    def __init__(self, client: AsyncClient) -> None:
        self.create, self.list = client.verb(customers.create), client.listing(customers.every)
        self.page, self.get = client.verb(customers.page), client.verb(customers.get)
        self.update, self.disable = client.verb(customers.update), client.verb(customers.disable)
        self.enable, self.revoke = client.verb(customers.enable), client.verb(customers.revoke)
        self.delete, self.usage = client.verb(customers.delete), client.verb(usage.of_customer)


class AsyncChatflows:
    """``client.chatflows``: chatflows, the keys bound to them, and their conversations."""

    def __init__(self, client: AsyncClient) -> None:
        self.create, self.list = client.verb(chatflows.create), client.listing(chatflows.every)
        self.page, self.get = client.verb(chatflows.page), client.verb(chatflows.get)
        self.update, self.delete = client.verb(chatflows.update), client.verb(chatflows.delete)
        self.bind, self.set_keys = client.verb(chatflows.bind), client.verb(chatflows.set_keys)
        self.unbind, self.add_key = client.verb(chatflows.unbind), client.verb(chatflows.add_key)
        self.remove_key, self.messages = client.verb(chatflows.remove_key), client.verb(chatflows.messages)
        self.usage = client.verb(usage.of_chatflow)


class AsyncCollections:
    """``client.collections``: document stores."""

    def __init__(self, client: AsyncClient) -> None:
        self.create, self.list = client.verb(document_stores.create), client.listing(document_stores.every)
        self.get, self.delete = client.verb(document_stores.get), client.verb(document_stores.delete)
        self.upload = client.verb(document_stores.upload)
        self.documents = client.listing(document_stores.documents)
        self.delete_document = client.verb(document_stores.delete_document)


class AsyncPolicy:
    """``client.policy``: what the workspace asks of all its keys."""

    def __init__(self, client: AsyncClient) -> None:
        self.get, self.update = client.verb(policy.get), client.verb(policy.update)
        self.check = client.verb(policy.check)


class AsyncWebhooks:
    """``client.webhooks``: where events are announced."""

    def __init__(self, client: AsyncClient) -> None:
        self.create, self.list = client.verb(webhooks.create), client.listing(webhooks.every)
        self.get, self.update = client.verb(webhooks.get), client.verb(webhooks.update)
        self.delete, self.test = client.verb(webhooks.delete), client.verb(webhooks.test)
        self.replace_secret = client.verb(webhooks.replace_secret)
        self.deliveries, self.resend = client.listing(webhooks.deliveries), client.verb(webhooks.resend)


class AsyncAudit:
    """``client.audit``: who did what."""

    def __init__(self, client: AsyncClient) -> None:
        self.list = client.listing(audit.every)
        self.page = client.verb(audit.page)
        self.head = client.verb(audit.head)


class AsyncUsageCalls:
    """``client.usage``: how much was used, of the workspace and of the key that asks."""

    def __init__(self, client: AsyncClient) -> None:
        self.summary = client.verb(usage.summary)
        self.own = client.verb(usage.own)
