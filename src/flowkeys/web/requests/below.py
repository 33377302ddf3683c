"""The server below a path, as ``https://example.org/flowkeys``, whether or not the proxy takes the path off.

Inside, every path begins at the root. Here the path is taken off what comes in and put before what an answer
names; pages put it before their links (`pages.templating`).
"""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NAMES_A_PATH: Final = frozenset({b"location", b"hx-redirect", b"hx-push-url"})
_LINK: Final = re.compile(rb"<(?=/(?!/))")


class Below:
    """ASGI application in front of another."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        """Put `app` below `path`, which begins with a slash and does not end with one."""
        self._app = app
        self._path = path
        self._raw_path = path.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request without the path, and its answer with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        below = without(raw_path, self._raw_path)
        if below is not raw_path:
            scope = {**scope, "path": without_text(scope["path"], self._path), "raw_path": below}

        async def send_with_path(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [self._named(item) for item in message["headers"]]}
            await send(message)

        await self._app(scope, receive, send_with_path)

    def _named(self, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        name, value = header[0], header[1]
        if name.lower() in _NAMES_A_PATH and value.startswith(b"/") and not value.startswith(b"//"):
            return name, self._raw_path + value
        if name.lower() == b"link":
            return name, _LINK.sub(b"<" + self._raw_path, value)
        return name, value


def without(target: bytes, path: bytes) -> bytes:
    """Return a raw target without the path that it begins with; one that is not below it as it is."""
    if not target.startswith(path):
        return target
    rest = target[len(path) :]
    if not rest or rest.startswith(b"?"):
        return b"/" + rest
    return rest if rest.startswith(b"/") else target


def without_text(target: str, path: str) -> str:
    """Return a decoded path without the one that it begins with, as `without`."""
    return without(target.encode(), path.encode()).decode()
