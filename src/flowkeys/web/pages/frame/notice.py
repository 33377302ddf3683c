"""A sentence for the next page: what was just done. It travels in a cookie, once."""

import base64
import binascii
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from flowkeys.web.requests.origin import Place

COOKIE: Final = "flowkeys_notice"
_SECONDS: Final = 60
_CHARACTERS: Final = 400


def leave(response: Response, text: str, *, place: Place) -> None:
    """Leave `text` for the next page."""
    value = base64.urlsafe_b64encode(text[:_CHARACTERS].encode()).decode()
    response.set_cookie(
        COOKIE,
        value,
        max_age=_SECONDS,
        path=place.path or "/",
        secure=place.is_https,
        httponly=True,
        samesite="strict",
    )


def take(request: Request) -> str | None:
    """Return what was left, or None. Whoever plants a cookie plants words, so they are only text."""
    value = request.cookies.get(COOKIE)
    if not value:
        return None
    try:
        return base64.urlsafe_b64decode(value.encode()).decode()[:_CHARACTERS]
    except (binascii.Error, ValueError):
        return None


def forget(response: Response, place: Place) -> None:
    """Take the cookie away: the sentence was shown."""
    response.delete_cookie(COOKIE, path=place.path or "/")
