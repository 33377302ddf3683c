"""The cookie of a sign-in: an opaque random secret, out of the reach of scripts."""

from typing import Final

from starlette.responses import Response
from starlette.types import Scope

COOKIE: Final = "flowkeys_sign_in"
"""Over http, as on one's own machine. Over https the name begins with ``__Host-``, which browsers let nobody
but this very host set (RFC 6265bis, section 4.1.3.2)."""
_OVER_TLS: Final = f"__Host-{COOKIE}"


def read(scope: Scope, *, is_https: bool) -> str | None:
    """Return the secret that the request carries, whatever it is worth.

    Other programs on the host may have set cookies of any form; they come along and change nothing.
    """
    wanted = (_OVER_TLS if is_https else COOKIE).encode()
    for header, value in scope["headers"]:
        if header != b"cookie":
            continue
        for pair in value.split(b";"):
            name, _, content = pair.strip(b" \t").partition(b"=")
            if name == wanted and content:
                found: str = content.decode("latin-1")
                return found
    return None


def write(response: Response, secret: str, *, seconds: int, is_https: bool) -> None:
    """Set the cookie for as long as the sign-in lives at most."""
    response.set_cookie(
        _OVER_TLS if is_https else COOKIE,
        secret,
        max_age=seconds,
        path="/",
        secure=is_https,
        httponly=True,
        samesite="lax",
    )


def clear(response: Response, *, is_https: bool) -> None:
    """Take the cookie away."""
    name = _OVER_TLS if is_https else COOKIE
    response.delete_cookie(name, path="/", secure=is_https, httponly=True, samesite="lax")
