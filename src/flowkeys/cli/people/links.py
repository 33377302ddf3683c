"""Links as they are printed: where people reach the server, and what they open there."""

from typing import Final

from flowkeys.config import Settings

UNKNOWN: Final = "http://localhost"
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # replaced, not listened on
"""What a server listens on to be reached on every network is no address to go to."""


def base_url(settings: Settings, port: int | None = None) -> str:
    """Return what links begin with: the setting, or the address that is served; `port` when 0 picked one.

    Behind a socket alone only the setting tells; without it the link has to be mended by who reads it.
    """
    if settings.public_url:
        return settings.public_url[0]
    if not settings.has_port:
        return UNKNOWN
    host = _ANYWHERE.get(settings.host, settings.host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{settings.port if port is None else port}"
