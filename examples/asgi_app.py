"""Any ASGI application behind keys. Run: uvicorn examples.asgi_app:app."""

import os
from typing import Any

from flowkeys.asgi import KEY, KeyMiddleware
from flowkeys.verify import Verifier


async def hello(scope: Any, _receive: Any, send: Any) -> None:
    """Answer with the caller's name; on an open path there is no key."""
    if scope["type"] != "http":
        return
    key = scope[KEY]
    name = "nobody in particular" if key is None else key.name
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"Hello, {name}".encode()})


verifier = Verifier.local(os.environ.get("FLOWKEYS_DATA_DIR", "~/.flowkeys"))
app = KeyMiddleware(hello, verifier, permission="logs:view", open_paths=["/health"])
