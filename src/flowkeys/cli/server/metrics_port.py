"""The port of metrics, beside the server, in its event loop."""

import asyncio
import socket
from typing import Final

import uvicorn
from uvicorn.server import ServerState

from flowkeys import bootstrap
from flowkeys.web.hot.connection import StrictProtocol

BACKLOG: Final = 64
_IDLE_SECONDS: Final = 120
"""Prometheus keeps its connection between scrapes, which are a minute apart by default."""


class MetricsPort:
    """Answers who scrapes."""

    def __init__(self, runtime: bootstrap.Runtime, listening: socket.socket, state: ServerState) -> None:
        """Listen on a socket; `state` is that of the server whose metrics they are."""
        self._listening = listening
        self._state = ServerState()
        self._config = uvicorn.Config(
            bootstrap.create_metrics(runtime, lambda: len(state.connections)),
            http=StrictProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to answer."""
        self._config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=self._listening, backlog=BACKLOG)

    def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()

    def _connection(self) -> asyncio.Protocol:
        return StrictProtocol(config=self._config, server_state=self._state, app_state={})
