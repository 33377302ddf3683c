"""The ceilings: the functions of the hot routes called by as little server as there can be.

`python -m bench.verification.apps raw` is an ASGI application on uvicorn and on our connection; `bare` is a
protocol of its own on uvloop and httptools, with none of what a server has to care for beside: timers,
limits, pipelining, errors.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import httptools
import uvicorn
import uvloop

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.web.hot.call import Call
from flowkeys.web.hot.connection import StrictProtocol
from flowkeys.web.hot.reply import Reply
from flowkeys.web.hot.target import read
from flowkeys.web.requests.address import TrustedProxies

_VERIFY = b"/api/v1/apikey/verify"
_ANYTHING = read(b"/api/v1/auth/verify")
_NOBODY = TrustedProxies(())


class Work:
    """Answers a call, given its headers and its body."""

    def __init__(self) -> None:
        self.hot = None

    async def open(self) -> None:
        """Open the data directory that FLOWKEYS_DATA_DIR names."""
        runtime = await bootstrap.open_runtime(load(data_dir=Path(os.environ["FLOWKEYS_DATA_DIR"])))
        self.hot = bootstrap.create_app(runtime).hot

    def answer(self, call: Call) -> Reply:
        """Return the answer."""
        if call.target == _VERIFY:
            return self.hot.verify.answer(call)
        return self.hot.forward_auth.answer(call, read(call.target) or _ANYTHING)


work = Work()


async def raw(scope, receive, send):
    """Answer with the hot functions, as an ASGI application: who is refused is so before the body is read."""
    client = scope["client"][0]
    call = Call(scope["method"].encode(), scope["raw_path"], scope["headers"], client, _NOBODY)
    reply = None
    if scope["method"] == "POST":
        reply = work.hot.verify.refusal(call)
        while reply is None:
            message = await receive()
            call.body += message.get("body", b"")
            if not message.get("more_body"):
                break
    reply = reply or work.answer(call)
    await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
    await send({"type": "http.response.body", "body": reply.body})


class Bare(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.headers = []
        self.body = b""

    def on_url(self, url):
        self.target = url

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        call = Call(self.parser.get_method(), self.target, self.headers, "127.0.0.1", _NOBODY, self.body)
        self.transport.write(work.answer(call).wire(b"", close=False, with_body=True))


async def _serve(which: str) -> None:
    await work.open()
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    if which == "raw":
        config = uvicorn.Config(
            raw, http=StrictProtocol, ws="none", lifespan="off", access_log=False, log_config=None
        )
        await uvicorn.Server(config).serve([listening])
        return
    server = await asyncio.get_running_loop().create_server(Bare, sock=listening)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(sys.argv[1]))
