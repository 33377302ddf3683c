"""Reading bodies over plain ASGI, within limits."""

from starlette.types import Message, Receive, Scope

from flowkeys.domain.errors import TooLarge


class ClientGone(ConnectionError):
    """The client went away: nobody is there to be answered."""


async def next_part(receive: Receive) -> Message:
    """Return the next part of a request's body.

    Raises:
        ClientGone: the client went away before the body was complete.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


async def read_body(scope: Scope, receive: Receive, limit_bytes: int) -> bytes:
    """Return a request's body.

    Raises:
        TooLarge: it is larger than `limit_bytes`, announced or as it arrives.
        ClientGone: the client went away before it was complete.
    """
    too_large = TooLarge(f"The request body is larger than {limit_bytes} bytes (FLOWKEYS_MAX_BODY_BYTES).")
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit_bytes:
            raise too_large
    body = bytearray()  # bytes would be copied with each piece, and a client may send one byte at a time
    while True:
        message = await next_part(receive)
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)
