"""The cookie of a sign-in: an opaque random secret, out of the reach of scripts."""

from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from flowkeys.web.requests.origin import Place

COOKIE: Final = "flowkeys_sign_in"
"""Over http, as on one's own machine. Over https the name begins with ``__Host-``, which browsers let nobody
but this very host set (RFC 6265bis, section 4.1.3.2); below a path with ``__Secure-``, since a cookie of the
first kind is the whole host's."""


def _name(place: Place) -> str:
    if not place.is_https:
        return COOKIE
    return f"__Secure-{COOKIE}" if place.path else f"__Host-{COOKIE}"


def read(scope: Scope, place: Place) -> str | None:
    """Return the secret that the request carries, whatever it is worth.

    Other programs on the host may have set cookies of any form; they come along and change nothing.
    """
    wanted = _name(place).encode()
    for header, value in scope["headers"]:
        if header != b"cookie":
            continue
        for pair in value.split(b";"):
            name, _, content = pair.strip(b" \t").partition(b"=")
            if name == wanted and content:
                found: str = content.decode("latin-1")
                return found
    return None


def write(response: Response, secret: str, *, seconds: int, place: Place) -> None:
    """Set the cookie for as long as the sign-in lives at most."""
    response.set_cookie(
        _name(place),
        secret,
        max_age=seconds,
        path=place.path or "/",
        secure=place.is_https,
        httponly=True,
        samesite="lax",
    )


def clear(response: Response, *, place: Place) -> None:
    """Take the cookie away."""
    response.delete_cookie(
        _name(place), path=place.path or "/", secure=place.is_https, httponly=True, samesite="lax"
    )
