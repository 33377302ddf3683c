"""Where people reach this server, and whether a request comes from our own pages, as with a cookie it must.

A browser sends ``Origin`` with every unsafe request (Fetch standard, section 3.2), and another site can
neither leave it out nor choose it. So nothing has to be hidden in forms.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.types import Scope

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Place(msgspec.Struct, frozen=True):
    """An address that people reach this server under."""

    origin: str
    """Scheme, host and port; empty when it is not told."""
    path: str = ""
    """What the paths of pages and of the API begin with there: empty, or as ``/flowkeys``."""

    @property
    def url(self) -> str:
        """The whole address, without a slash at the end."""
        return self.origin + self.path

    @property
    def is_https(self) -> bool:
        """Whether it is reached over https."""
        return self.origin.startswith("https:")


class PublicUrls:
    """The public URLs of the settings: several places with one path, or none, when it is what is asked."""

    def __init__(self, urls: Sequence[str] = ()) -> None:
        parts = [urlsplit(url) for url in urls]
        self._places = [Place(f"{part.scheme}://{part.netloc}", part.path.rstrip("/")) for part in parts]
        self._origins = {place.origin.encode("latin-1", "replace") for place in self._places}
        self.path = self._places[0].path if self._places else ""
        """What paths begin with, at every place."""

    def first(self, scope: Scope) -> Place:
        """Return where links lead: the first of the settings, or what the request was sent to."""
        return self._places[0] if self._places else _asked(scope)

    def asked(self, scope: Scope) -> Place:
        """Return where a request was sent to, by its ``Host``; the first when that is none of them."""
        if not self._places:
            return _asked(scope)
        hosts = [value.decode("latin-1").lower() for value in _values(scope, b"host")]
        found = [place for place in self._places if [urlsplit(place.origin).netloc] == hosts]
        same = [place for place in found if place.origin.startswith(f"{scope['scheme']}:")]
        return (same or found or self._places)[0]

    def made(self, scope: Scope) -> bool:
        """Tell whether a page of this server made the request.

        That is so when its one ``Origin`` is ours; without any, when the browser says
        ``Sec-Fetch-Site: same-origin``.
        """
        origins = _values(scope, b"origin")
        if not origins:
            return _values(scope, b"sec-fetch-site") == [b"same-origin"]
        ours = self._origins or {_asked(scope).origin.encode("latin-1", "replace")} - {b""}
        return len(origins) == 1 and origins[0] in ours


def _asked(scope: Scope) -> Place:
    hosts = _values(scope, b"host")
    return Place(f"{scope['scheme']}://{hosts[0].decode('latin-1')}" if len(hosts) == 1 else "")


def _values(scope: Scope, wanted: bytes) -> list[bytes]:
    return [value for name, value in scope["headers"] if name == wanted]
