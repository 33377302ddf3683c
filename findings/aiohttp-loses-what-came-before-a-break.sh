#!/bin/sh
# aiohttp 3.14.5, ClientResponse.content: bytes that were received before a connection breaks cannot be read any more.
#
# A model's server sends its answer, "[DONE]" included, and closes without the chunk that ends the body; old servers and
# proxies that restart do this. One would guess that a reader gets the bytes first and the error after them, as from a
# socket or a file. If both came before the reader looked (it was writing to a slow client), the reader gets the error
# alone: the whole answer is in memory, counted in total_bytes, and readany(), read() and iteration only raise.
# httpx 0.28.1 on the same bytes yields them, then raises.
#
# Seen: aiohttp: received 14 bytes, read b'', then ClientPayloadError. httpx: read b'data: [DONE]\n\n', then
# RemoteProtocolError.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5 httpx==0.28.1
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import aiohttp
import httpx

BODY = b"data: [DONE]\n\n"
ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(BODY), BODY)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def main() -> bool:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    read, error = b"", None
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        await asyncio.sleep(0.3)  # the reader was busy
        try:
            while piece := await response.content.readany():
                read += piece
        except aiohttp.ClientError as raised:
            error = raised
        received = response.content.total_bytes
    print(f"aiohttp: received {received} bytes, read {read!r}, then {type(error).__name__}")
    also, other = b"", None
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", url) as answer:
        await asyncio.sleep(0.3)
        try:
            async for piece in answer.aiter_raw():
                also += piece
        except httpx.HTTPError as raised:
            other = raised
    print(f"httpx: read {also!r}, then {type(other).__name__}")
    server.close()
    return received == len(BODY) and read == b"" and error is not None and also == BODY


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON
