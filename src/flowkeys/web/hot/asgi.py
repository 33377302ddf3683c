"""The hot routes as a layer of ASGI, which any server can run; everything else goes on to the gate."""

from starlette.types import ASGIApp, Receive, Scope, Send

from flowkeys.web.hot.answer import PREFIXES, Hot
from flowkeys.web.hot.call import Call
from flowkeys.web.hot.reply import Reply
from flowkeys.web.hot.target import read


class FastPath:
    """ASGI application in front of another."""

    def __init__(self, app: ASGIApp, hot: Hot) -> None:
        self.app = app
        self.hot = hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the hot routes; hand everything else on."""
        if scope["type"] == "http":
            path: bytes = scope.get("raw_path") or scope["path"].encode()
            if path.startswith(PREFIXES):
                query = scope["query_string"]
                reply = await self._reply(scope, b"%b?%b" % (path, query) if query else path)
                if reply is not None:
                    headers = list(reply.headers)
                    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
                    await send({"type": "http.response.body", "body": reply.body})
                    return
        await self.app(scope, receive, send)

    async def _reply(self, scope: Scope, target: bytes) -> Reply | None:
        asked = read(target)
        if asked is None:
            return None
        client = scope.get("client")
        peer = client[0] if client else None
        call = Call(scope["method"].encode("ascii"), target, scope["headers"], peer)
        return self.hot.forward_auth.answer(call, asked) or await self.hot.forward_auth.answer_later(
            call, asked
        )
