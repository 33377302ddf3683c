"""The scripted server, and each client, blocking and async, behind one way of asking."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import flowkeys
from tests.client.scripted import Scripted, Serving

TOKEN = "fl-0123456789ABCDEFGHIJKLMNOP4rDuNy"


class Sdk:
    """One of the two clients. `await sdk(lambda c: …)` performs a call, and gathers what is iterated."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind = kind
        self.url = url
        self.open: list[Any] = []

    def client(self, **options: Any) -> Any:
        """Return a client that is closed after the test."""
        made = flowkeys.Client if self.kind == "sync" else flowkeys.AsyncClient
        client = made(**{"base_url": self.url, "api_key": TOKEN} | options)
        self.open.append(client)
        return client

    async def __call__(self, use: Callable[[Any], Any], **options: Any) -> Any:
        """Perform a call with a new client."""
        found = use(self.client(**options))
        if inspect.isawaitable(found):
            return await found
        if hasattr(found, "__aiter__"):
            return [item async for item in found]
        return list(found) if hasattr(found, "__next__") else found

    async def close(self) -> None:
        """Close every client that the test made."""
        for client in self.open:
            if self.kind == "sync":
                client.close()
            else:
                await client.aclose()


@pytest.fixture(scope="session")
def running() -> Iterator[Scripted]:
    """One server for all tests."""
    app = Scripted()
    with Serving(app):
        yield app


@pytest.fixture
def server(running: Scripted) -> Scripted:
    """The server, with an empty script."""
    running.reset()
    return running


@pytest.fixture(params=["sync", "async"])
async def sdk(request: pytest.FixtureRequest, server: Scripted) -> AsyncIterator[Sdk]:
    """Each of the two clients in turn."""
    made = Sdk(request.param, server.url)
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOWKEYS_URL", "FLOWKEYS_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that clients waited between attempts; a test does not sit through them."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("flowkeys.client.sync.time", SimpleNamespace(sleep=waited.append))
    monkeypatch.setattr("flowkeys.client.aio.asyncio", SimpleNamespace(sleep=sleep))
    return waited
