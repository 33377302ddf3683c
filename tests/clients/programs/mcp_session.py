"""Starts PyPI's `mcp-flowise` as an MCP host does, over stdio; prints its tools and what they answer."""

import asyncio
import json
import os
import sys
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(given: dict) -> dict:
    """Hold one session: list the tools, then make the calls in their order."""
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("mcp-flowise")),
        env={**os.environ, "LOG_LEVEL": "ERROR", **given["env"]},
    )
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        answers = []
        for name, arguments in given["calls"]:
            result = await session.call_tool(name, arguments)
            answers.append({"error": result.isError, "text": "".join(part.text for part in result.content)})
    return {"tools": tools, "answers": answers}


print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
