"""Whether a request comes from our own pages (CONTRACT: the rule for calls that a cookie opens).

A browser sends ``Origin`` with every unsafe request (Fetch standard, section 3.2), and another site can
neither leave it out nor choose it. So nothing has to be hidden in forms.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def public_origin(scope: Scope, public_url: str | None) -> str:
    """Return scheme, host and port under which people reach this server; empty when it is not told.

    It is the setting, and without it what the request was sent to.
    """
    if public_url is not None:
        parts = urlsplit(public_url)
        return f"{parts.scheme}://{parts.netloc}"
    hosts = _values(scope, b"host")
    return f"{scope['scheme']}://{hosts[0].decode('latin-1')}" if len(hosts) == 1 else ""


def is_our_own(scope: Scope, public_url: str | None) -> bool:
    """Tell whether a page of this server made the request.

    That is so when its one ``Origin`` is ours; without any, when the browser says
    ``Sec-Fetch-Site: same-origin``.
    """
    origins = _values(scope, b"origin")
    if origins:
        ours = public_origin(scope, public_url)
        return bool(ours) and origins == [ours.encode("latin-1", "replace")]
    return _values(scope, b"sec-fetch-site") == [b"same-origin"]


def _values(scope: Scope, wanted: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == wanted]
