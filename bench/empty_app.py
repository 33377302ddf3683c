"""The yardsticks: uvicorn with an application that does nothing, with a body in its answer and without."""

_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"2")]
_NO_BODY = [(b"content-length", b"0")]


async def app(scope, receive, send):
    """Read the request, and answer `{}`."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def no_body(scope, receive, send):
    """Read nothing, and answer nothing: what has a body is written in two parts, and this in one."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": _NO_BODY})
        await send({"type": "http.response.body", "body": b""})
