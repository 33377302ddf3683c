"""The hot routes as a layer of ASGI, which any server can run; everything else goes on to the gate."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowkeys.service.ports.verification import PENDING
from flowkeys.service.predictions.grants import Grant
from flowkeys.web.errors import problem
from flowkeys.web.hot import predictions, verify
from flowkeys.web.hot.answer import PREFIXES, Hot
from flowkeys.web.hot.call import Call
from flowkeys.web.hot.reply import Reply, new_request_id, refusal
from flowkeys.web.hot.target import read
from flowkeys.web.hot.waiting import is_unusual
from flowkeys.web.predictions.prediction import GRANT
from flowkeys.web.requests.address import TrustedProxies
from flowkeys.web.requests.below import without

_MISTAKE: Final = refusal(problem("internal_error"))


class FastPath:
    """ASGI application in front of another."""

    def __init__(self, app: ASGIApp, hot: Hot, load: Callable[[], Awaitable[object]] | None = None) -> None:
        self.app = app
        self.hot = hot
        self.load = load
        """Returns when all is loaded that is loaded behind a start; raises what stands in the way."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the hot routes; hand everything else on."""
        reply: Reply | None = None
        if scope["type"] == "http" and GRANT not in scope:
            target: bytes = scope.get("raw_path") or scope["path"].encode()
            if self.hot.path:
                target = without(target, self.hot.path)
            if target.startswith(PREFIXES):
                query = scope["query_string"]
                if query:
                    target = b"%b?%b" % (target, query)
                try:
                    asked = read(target)
                    if asked is not None:
                        call = _call(scope, target, self.hot.proxies)
                        reply = self.hot.forward_auth.answer(call, asked)
                        if reply is None:
                            reply = await self.hot.forward_auth.answer_later(call, asked)
                    elif scope["method"] == "POST":
                        reply, receive = await self._reply_to_post(scope, target, receive)
                except Exception:  # noqa: BLE001 - the last resort: no call is left without an answer
                    reply = _MISTAKE.reply(new_request_id())
                    request_id = reply.request_id.decode("ascii")
                    structlog.get_logger("flowkeys").exception("failed", request_id=request_id)
        if reply is None:
            await self.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply_to_post(
        self, scope: Scope, target: bytes, receive: Receive
    ) -> tuple[Reply | None, Receive]:
        """Return the answer, or None and where the body can be read by whoever answers."""
        if target == verify.TARGET:
            call = _call(scope, target, self.hot.proxies)
            refused = self.hot.verify.refusal(call)
            if isinstance(refused, Reply):
                return refused, receive
            if refused is PENDING or is_unusual(scope["headers"], self.hot.short_bytes):
                return None, receive
            first = await receive()
            if first["type"] == "http.request" and not first.get("more_body", False):
                call.body = first.get("body", b"")
                reply = self.hot.verify.answer(call)
                if reply is not None:
                    return reply, receive
            return None, _again(first, receive)
        if target.startswith(predictions.PREFIX):
            found = self.hot.predictions.answer(_call(scope, target, self.hot.proxies))
            if not isinstance(found, Grant):
                return found, receive
            scope[GRANT] = found
        return None, receive


def _call(scope: Scope, target: bytes, proxies: TrustedProxies) -> Call:
    client = scope.get("client")
    peer = client[0] if client else None
    return Call(scope["method"].encode("ascii"), target, scope["headers"], peer, proxies)


def _again(first: Message, receive: Receive) -> Receive:
    """Return where a body can be read from its beginning."""
    messages = [first]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
