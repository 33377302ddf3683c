"""A small model behind an OpenAI-compatible chat endpoint, on a real socket of this machine."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import uvicorn


class Received(NamedTuple):
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ModelServer:
    """Answers by the model's name: `echo` streams its last message word by word, others misbehave.

    Models of providers, with a dash in their names, are as `echo`.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.port = 0
        self.gone = asyncio.Event()
        """A client left before the answer's end."""

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        content = b""
        while True:
            message = await receive()
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        body = msgspec.json.decode(content) if content else {}
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.received.append(Received(scope["path"], headers, body))
        name = body.get("model", "none")
        await getattr(self, f"answer_{'echo' if '-' in name else name}")(body, receive, send)

    async def answer_echo(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Say the last message again."""
        words = str(body["messages"][-1]["content"]).split(" ")
        if not body.get("stream"):
            message = {"role": "assistant", "content": " ".join(words)}
            usage = {"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)}
            await reply(send, 200, {**CHUNK, "choices": [{"index": 0, "message": message}], "usage": usage})
            return
        await begin(send)
        for number, word in enumerate(words):
            await self.say(send, f" {word}" if number else word)
        await finish(send, b"data: [DONE]\n\n")

    async def answer_tooled(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Call what the last question holds as ``CALL name {…}``, once; then say what the tools said."""
        messages = body["messages"]
        said = [message["content"] for message in messages if message["role"] == "tool"]
        offered = {tool["function"]["name"] for tool in body.get("tools", ())}
        if "extract" in offered:
            wanted = [("extract", str(messages[-1]["content"]).partition("JSON ")[2])]
        else:
            asked = next(m["content"] for m in reversed(messages) if m["role"] == "user")
            rounds = str(asked).split(" THEN ")
            turn = sum(message["role"] == "assistant" and "tool_calls" in message for message in messages)
            wanted = CALL.findall(rounds[turn]) if offered and turn < len(rounds) else []
        message: dict[str, Any] = {"role": "assistant", "content": "tools: " + " | ".join(said)}
        if wanted:
            message["content"] = None
            message["tool_calls"] = [
                {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": given}}
                for n, (name, given) in enumerate(wanted)
            ]
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        finish = "tool_calls" if wanted else "stop"
        choice = {"index": 0, "message": message, "finish_reason": finish}
        await reply(send, 200, {**CHUNK, "choices": [choice], "usage": usage})

    async def answer_echoed(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Say the last message again, or in the form that is asked for."""
        await (self.answer_tooled if body.get("tools") else self.answer_echo)(body, receive, send)

    async def answer_strict(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Refuse the key, and repeat it, as some do."""
        key = self.received[-1].headers.get("authorization", "")
        await reply(send, 401, {"error": {"message": f"Incorrect API key provided: {key}"}})

    async def answer_busy(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Limit calls."""
        await reply(send, 429, {"error": {"message": "slow down"}})

    async def answer_flaky(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Be overloaded twice."""
        if len(self.received) <= 2:
            await reply(send, 503, {"error": {"message": "overloaded"}})
        else:
            await self.answer_echo(body, receive, send)

    async def answer_later(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Limit calls for a minute."""
        await reply(send, 429, {"error": {"message": "slow down"}}, (b"retry-after", b"60"))

    async def answer_redirect(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Send the caller on to this machine."""
        location = f"http://127.0.0.1:{self.port}/elsewhere".encode()
        await send({"type": "http.response.start", "status": 307, "headers": [(b"location", location)]})
        await send({"type": "http.response.body", "body": b""})

    async def answer_page(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer something that is no chat completion."""
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
        )
        await send({"type": "http.response.body", "body": b"<html>Welcome</html>"})

    async def answer_huge(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one line without end."""
        await begin(send)
        for _ in range(64):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await finish(send, b"")

    async def answer_garbage(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Break off in the middle of an event."""
        await begin(send)
        await self.say(send, "half")
        await finish(send, b"data: {not json}\n\n")

    async def answer_broken(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Report an error in the stream."""
        await begin(send)
        await self.say(send, "half")
        await finish(send, b'data: {"error": {"message": "key sk-1 exploded"}}\n\n')

    async def answer_slow(self, body: dict[str, Any], receive: Any, send: Any) -> None:
        """Say one word, then wait for the client to leave."""
        await begin(send)
        await self.say(send, "wait")
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone.set()

    async def say(self, send: Any, text: str) -> None:
        """Send one piece."""
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        event = msgspec.json.encode({**CHUNK, "object": "chat.completion.chunk", "choices": [choice]})
        await send({"type": "http.response.body", "body": b"data: %b\n\n" % event, "more_body": True})


CALL = re.compile(r"CALL (\w+) (\S*)")
CHUNK = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}


async def begin(send: Any) -> None:
    """Begin a stream."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def finish(send: Any, last: bytes) -> None:
    """End a stream."""
    await send({"type": "http.response.body", "body": last})


async def reply(send: Any, status: int, body: Any, *more: tuple[bytes, bytes]) -> None:
    """Answer with JSON."""
    headers = [(b"content-type", b"application/json"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


@asynccontextmanager
async def serving() -> AsyncIterator[ModelServer]:
    """Serve for the length of a block."""
    app = ModelServer()
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    app.port = listening.getsockname()[1]
    running = asyncio.create_task(server._serve([listening]))
    try:
        yield app
    finally:
        server.should_exit = True
        await running
        listening.close()
