"""A real server in this process: uvicorn on a free port of 127.0.0.1, over a real SQLite file."""

import asyncio
import itertools
import re
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from flowkeys import bootstrap
from flowkeys.cli.server.port import listen_for_metrics, url_of
from flowkeys.cli.server.serve import Server
from flowkeys.cli.server.unix_socket import UnixSocket
from flowkeys.config import load
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey
from flowkeys.web import render
from tests.support import databases, raw_model
from tests.support.programs import second, storing
from tests.support.template import begin
from tests.support.waiting import PATIENCE_SECONDS, until

_QUICK = PasswordHasher.from_parameters(CHEAPEST)
"""The same function with the least work, since people are made by hundreds. tests/passwords has the real."""
NOBODY = "http://127.0.0.1:9"
"""A base URL that may be called, and where nobody listens."""
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Never used: a client that is given none reads all certificates of the machine, for 20 ms."""


class Running:
    """A server in a thread of its own, with its event loop."""

    def __init__(self, data_dir: Path, **settings: Any) -> None:
        self.data_dir = data_dir
        # Whole tables of refused credentials come from 127.0.0.1: who tests the limit on them turns it on.
        own = {"access_log": False, "shutdown_seconds": 2, "failures_per_second": 0, **settings}
        own.setdefault("allowed_endpoints", (NOBODY, raw_model.URL))
        own = {**second.shared(), **databases.settings(data_dir), **own}
        self._given = own
        self._settings = load(data_dir=data_dir, **own)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        # With the protocol named, asyncio sends without Nagle's delay of 40 ms, as uvloop always does.
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listening.bind(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        uds = self._settings.uds
        self._unix = None if uds is None else UnixSocket(uds, 100)
        self._metrics = listen_for_metrics(self._settings, 100)
        self.metrics_url = None if self._metrics is None else f"{url_of(self._metrics)}/metrics"
        self._clients: list[Api] = []
        self.closing: list[Callable[[], None]] = []
        """Called when it has stopped: what a test keeps open on its files."""
        self.second: second.Second | None = None
        """The other process over the same data, where there are two."""
        self._turns = itertools.count(1)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Running":
        """Start, and wait until it answers."""
        begin(self.data_dir)
        self._thread.start()
        assert self._ready.wait(PATIENCE_SECONDS), "the server did not open its data directory"
        if self._failure is not None:
            raise self._failure
        until(lambda: self.server.started or not self._thread.is_alive(), "the server to start")
        assert self.server.started, "the server ended before it had started"
        if second.WORKERS > 1 and second.is_expressible(self._given):
            self.second = second.Second(self.data_dir, self._given)
        return self

    def begin_to_stop(self) -> None:
        """Stop as a signal would, without waiting for the end."""
        for client in self._clients:
            client.close()
        if self.second is not None:
            self.second.begin_to_stop()
        if self._thread.is_alive():
            self.server.should_exit = True

    def stop(self) -> None:
        """Stop as a signal would."""
        self.begin_to_stop()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the server did not stop"
        if self.second is not None:
            self.second.stop()
            self.second = None
        while self.closing:
            self.closing.pop()()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the server's event loop and return its result, when what it did holds."""
        done = asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_SECONDS)
        if self.second is not None:
            second.hold()
        return done

    @property
    def urls(self) -> list[str]:
        """Where its processes answer; mostly there is one."""
        return [self.url] if self.second is None else [self.url, self.second.url]

    def any_url(self) -> str:
        """Return where one of its processes answers, each in turn."""
        return self.urls[next(self._turns) % len(self.urls)]

    def take_up(self) -> None:
        """Return when the server has read what it was sent before: its event loop has been round twice."""

        async def rounds() -> None:
            for _ in range(3):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(rounds(), self.loop).result(PATIENCE_SECONDS)

    def store(self) -> None:
        """Have all its processes store what they have counted, and what they remember of uses."""
        self.do(storing.everything(self.runtime))
        if self.second is not None:
            self.second.store()

    def agree(self) -> None:
        """Have each process know what the others counted; one alone does, and need store nothing."""
        if self.second is not None:
            self.store()

    def workspace(self, name: str = "default") -> str:
        """Return the id of a workspace, made if need be."""

        async def work() -> str:
            found = {item.name: item for item in await self.runtime.workspaces.all()}
            item = found.get(name) or await self.runtime.workspaces.create(name)
            return item.id

        result: str = self.do(work())
        return result

    def key(self, name: str = "key", permissions: tuple[str, ...] = (), workspace: str = "default") -> dict:
        """Make a key as the operator does, and return it as the API would."""
        caller = Caller(operator(self.workspace(workspace)))
        new = NewKey(name=name, permissions=frozenset(permissions))
        return render.made_key(self.do(self.runtime.keyring.create(caller, new)), bootstrap.clock())

    def shell(self) -> databases.Shell:
        """Open its database past it, as an operator does; whoever is done leaves it."""
        return databases.Shell(self.data_dir)

    def by_hand(self, statement: str, *values: object) -> list[tuple]:
        """Run one statement in its database past it; return its rows, once the server knows of it."""
        found = databases.by_hand(self.data_dir, statement, *values)
        self.learn()
        return found

    def learn(self) -> None:
        """Have it hear of what was changed past it until now."""

        async def work() -> None:
            if (heard := self.runtime.feed.catch_up()) is not None:
                await heard

        self.do(work())

    def api(self, token: str | None = None, *, uds: Path | None = None, **headers: str) -> "Api":
        """Return a client with a token, which comes by the server's Unix socket if given."""
        api = Api(self.url, token, headers, uds, self.urls)
        self._clients.append(api)
        return api

    def owner(self, workspace: str = "default") -> "Api":
        """Return a client that may do everything in a workspace."""
        return self.api(self.key("owner", ("*",), workspace)["apiKey"])

    def _run(self) -> None:
        async def main() -> None:
            try:
                self.loop = asyncio.get_running_loop()
                self.runtime = await bootstrap.open_runtime(self._settings)
                self.runtime.passwords._hasher = _QUICK
                self.server = Server(self.runtime, self._unix, self._metrics)
            except BaseException as error:
                self._failure = error
                raise
            finally:
                self._ready.set()
            try:
                await self.server.serve([self._listening])
            finally:
                if self._unix is not None:
                    self._unix.close()
                if self._metrics is not None:
                    self._metrics.close()

        asyncio.run(main())


class Api(httpx.Client):
    """An HTTP client below ``/api/v1``."""

    def __init__(
        self,
        url: str,
        token: str | None,
        headers: dict[str, str],
        uds: Path | None = None,
        urls: Sequence[str] = (),
    ) -> None:
        """Call `url`; of several `urls` at which processes answer for it one after the other."""
        self.token = token
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        super().__init__(
            base_url=f"{url}/api/v1",
            headers={**authorization, **headers},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
            verify=_NO_TLS,
            transport=_transport(uds, urls),
        )


def _transport(uds: Path | None, urls: Sequence[str]) -> httpx.BaseTransport | None:
    if uds is not None:
        return httpx.HTTPTransport(uds=str(uds), verify=_NO_TLS)
    return InTurn(urls) if len(urls) > 1 else None


class InTurn(httpx.BaseTransport):
    """Sends each request to the next of several processes, and waits until what one acknowledged holds."""

    def __init__(self, urls: Sequence[str]) -> None:
        ports = [httpx.URL(url).port for url in urls]
        self._each = itertools.cycle([(port, httpx.HTTPTransport(verify=_NO_TLS)) for port in ports[::-1]])
        self._all = [next(self._each) for _ in ports]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; its `Host` stays what it was."""
        port, transport = next(self._each)
        request.url = request.url.copy_with(port=port)
        answer = transport.handle_request(request)
        if request.method not in {"GET", "HEAD", "OPTIONS"} and not _ASKS.search(request.url.path):
            second.hold()
        return answer

    def close(self) -> None:
        """Close all connections."""
        for _, transport in self._all:
            transport.close()


_ASKS = re.compile("/prediction/|/apikey/verify|/apikey/explain|/auth/verify")
"""Calls that change nothing that others would have to know."""
