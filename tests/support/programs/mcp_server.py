"""A server of PyPI's `mcp`: at one port with sessions and streams, at another with neither.

Given a key, it asks for that as a bearer key. Prints both ports as JSON, and serves until its input ends.
"""

import asyncio
import json
import os
import socket
import sys

import uvicorn
from mcp.server.fastmcp import Context, FastMCP
from mcp.shared.exceptions import McpError
from pydantic import BaseModel


class Empty(BaseModel):
    """Nothing to fill in."""


def tools(server: FastMCP) -> FastMCP:
    """Add the tools."""

    @server.tool(description="Adds two numbers.")
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool(name="say it/twice")
    def say(text: str) -> list[str]:
        return [text, text]

    @server.tool()
    def fails() -> str:
        raise ValueError("the tool's own error")

    @server.tool()
    async def talks(ctx: Context) -> str:
        """Say something before the answer, and ask for what nobody offered."""
        await ctx.info("one moment")
        try:
            await ctx.elicit("Really?", Empty)
        except McpError as error:
            return str(error)
        return "it was answered"

    @server.tool()
    def session(ctx: Context) -> str:
        """Say which session this is."""
        return str(ctx.request_context.request.headers.get("mcp-session-id"))

    return server


def guarded(app, key: str):
    """Ask for a key."""

    async def run(scope, receive, send) -> None:
        if (
            scope["type"] == "http"
            and dict(scope["headers"]).get(b"authorization") != f"Bearer {key}".encode()
        ):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"no"})
            return
        await app(scope, receive, send)

    return run if key else app


async def main(key: str) -> None:
    """Serve."""
    ports, servers = [], []
    for plain in (False, True):
        made = tools(FastMCP("tested", stateless_http=plain, json_response=plain, log_level="ERROR"))
        bound = socket.socket()
        bound.bind(("127.0.0.1", 0))
        ports.append(bound.getsockname()[1])
        config = uvicorn.Config(guarded(made.streamable_http_app(), key), log_level="error")
        server = uvicorn.Server(config)
        servers.append(server.serve([bound]))
        bound.listen()
    print(json.dumps(ports), flush=True)
    asyncio.gather(*servers).add_done_callback(lambda _: os._exit(1))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)  # sessions that are left open end with it


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ""))
