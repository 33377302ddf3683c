"""Keys in front of any ASGI application: Starlette, Quart, Litestar, or one written by hand.

    app = KeyMiddleware(app, Verifier.local("~/.flowkeys"), permission="logs:view", open_paths=["/health"])

The application finds the key in ``scope["flowkeys"]`` and, with Starlette, in ``request.state.flowkeys``.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from flowkeys.domain.addresses import UNIX
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.verify.result import Refusal, VerifiedKey
from flowkeys.verify.verifier import Permissions, Verifier, request_for
from flowkeys.web.errors import CONTENT_TYPE, Problem, of_error
from flowkeys.web.requests.address import TrustedProxies

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY: Final = "flowkeys"
"""Where the key is in the scope and in its state: a `VerifiedKey`, or None on an open path or without one."""
_POLICY_VIOLATION: Final = 1008


class KeyMiddleware:
    """Lets calls through that come with a good key; answers the others itself.

    Everything is closed but `open_paths`. Nothing that a client sends but ``Authorization`` says who it is.
    """

    def __init__(
        self,
        app: App,
        verifier: Verifier,
        *,
        permission: Permissions = (),
        chatflow_id: str | Callable[[Scope], str] | None = None,
        open_paths: Iterable[str] = (),
        optional: bool = False,
        trusted_proxies: Iterable[str] = (),
    ) -> None:
        """Guard `app`.

        `chatflow_id` is a chatflow's id, or a function that returns it for a scope. A path in `open_paths`
        is meant exactly, or with all below it when it ends with ``/``; ``/`` itself is that one path, and
        does not open the application. With `optional` a call without any key goes through as on an open
        path, where the key is None; a key that is no good is still refused.

        A call comes from whoever is connected (``scope["client"]``), which is what a key is asked that is
        bound to networks. `trusted_proxies` are addresses and networks of proxies whose ``X-Forwarded-For``
        is believed instead; ``unix`` is whoever has no address, as on a Unix socket.

        Raises:
            ValueError: a permission does not exist.
            TypeError: `permission` is None.
            ConfigurationError: an open path does not begin with ``/``, or a proxy is no network.
        """
        self._app = app
        self._verifier = verifier
        self._permissions = request_for(None, permission).permissions
        self._chatflow_id = chatflow_id
        self._optional = optional
        self._client = client_of(trusted_proxies)
        paths = [open_paths] if isinstance(open_paths, str) else list(open_paths)
        if not all(path.startswith("/") for path in paths):
            raise ConfigurationError("Each of open_paths begins with a slash.")
        self._open = frozenset(paths)
        self._open_below = tuple(path for path in paths if path.endswith("/") and path != "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection. The lifespan is none, and goes through.

        Raises:
            ValueError: it is of a type that is neither HTTP nor WebSocket, and cannot be guarded.
        """
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] not in {"http", "websocket"}:
            raise ValueError(f"KeyMiddleware cannot guard a connection of the type {scope['type']!r}.")
        if self._is_open(scope):
            await self._app(_with_key(scope, None), receive, send)
            return
        named = self._chatflow_id
        try:
            found = await self._verifier.averify(
                headers=scope["headers"],
                chatflow_id=(named(scope) or "") if callable(named) else named,
                permissions=self._permissions,
                address=self._client(scope),
            )
        except Unavailable as error:
            await refuse(scope, receive, send, of_error(error))
            return
        if isinstance(found, Refusal) and self._optional and found.is_missing:
            await self._app(_with_key(scope, None), receive, send)
        elif isinstance(found, Refusal):
            await refuse(scope, receive, send, found.problem)
        else:
            await self._app(_with_key(scope, found), receive, send)

    def _is_open(self, scope: Scope) -> bool:
        path: str = scope["path"]
        root: str = scope.get("root_path", "")
        if root and path.startswith(f"{root}/"):  # of a mounted application: its own part counts
            path = path[len(root) :]
        if path in self._open:
            return True
        # What an application might take for a path outside of the open one is not inside of it.
        plain = "\\" not in path and not {"..", ".", ""} & set(path.strip("/").split("/"))
        return plain and path.startswith(self._open_below)


def client_of(trusted_proxies: Iterable[str]) -> Callable[[Scope], str | None]:
    """Return what tells where a call comes from, behind these proxies or without any.

    Raises:
        ConfigurationError: one of them is no network.
    """
    named = [trusted_proxies] if isinstance(trusted_proxies, str) else list(trusted_proxies)
    try:
        proxies = TrustedProxies(named)
    except ValueError as error:
        raise ConfigurationError(f"trusted_proxies: {error}.") from None

    def client(scope: Scope) -> str | None:
        peer = scope.get("client")
        headers = ((name.lower(), value) for name, value in scope["headers"])
        return proxies.client((peer[0] if peer else None) or UNIX, headers)

    return client


def _with_key(scope: Scope, key: VerifiedKey | None) -> Scope:
    return {**scope, KEY: key, "state": {**(scope.get("state") or {}), KEY: key}}


async def refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    """Answer with a problem. A WebSocket gets it as a response where the server can, else is closed (403)."""
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": problem.code})
            return
        kind = "websocket.http.response"
    body = problem.body(new_id())
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *problem.raw_headers,
    ]
    await send({"type": f"{kind}.start", "status": problem.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
