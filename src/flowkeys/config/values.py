"""Addresses that people write, as they are used; what is none is told with what may be written."""

import re
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from flowkeys.limits.shared.place import places_of


def _checked_servers(value: SecretStr) -> SecretStr:
    places_of(value.get_secret_value())
    return value


Servers = Annotated[SecretStr, AfterValidator(_checked_servers)]
"""Where Valkey or Redis is; it may hold a password."""


def _several(value: Any) -> Any:
    if isinstance(value, str):
        value = value.split(",")
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        meant = (part.strip().strip("\"'").strip() for part in value)  # each may have quotes of its own
        return tuple(part for part in meant if part)
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_several)]
"""Several of something; in the environment separated by commas."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PATH: Final = re.compile(r"(/[0-9A-Za-z_-][0-9A-Za-z._~-]*)+")
_HOST: Final = re.compile(r"[0-9a-z._:-]+")
"""Of a host's name as it is sent: other scripts are written in punycode there."""


def host_of(text: str) -> str:
    """Return the address to listen on: a name, or an IP address without the brackets that URLs have."""
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        raise ValueError("it is empty: give an address to listen on, for example 127.0.0.1")
    if host == "*":
        raise ValueError(
            "* is no address: 0.0.0.0 is every IPv4 network of this machine, :: every IPv6 one too"
        )
    if "://" in host or "/" in host or not host.isprintable() or " " in host:
        raise ValueError("give an address or a name only, for example 127.0.0.1")
    if host.count(":") == 1 or "]:" in host:
        raise ValueError("give the address only; the port is a setting of its own")
    return host


def socket_of(path: Path) -> Path:
    """Return the whole path of a Unix socket.

    Raises:
        ValueError: it is written as an address, or is no path.
    """
    text = str(path)
    if text.startswith(("unix:", "http:", "https:")):
        raise ValueError("give the path alone, for example /run/flowkeys/flowkeys.sock")
    if text.startswith("@") or "\0" in text:
        raise ValueError("sockets without a file have no mode that keeps others out: give a path")
    return path.absolute()


def names_of_limits(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return names, each of which a limit or a quota may have.

    Raises:
        ValueError: none could be named so.
    """
    if not value:
        return value  # nearly always: a start need not load what follows
    from flowkeys.domain.limits.names import ALWAYS, could_be

    for text in value:
        if not could_be(text):
            raise ValueError(
                f"{text[:64]!r} is no name of a limit or quota: without one of its own it is named {ALWAYS}"
            )
    return value


def place_of(url: str) -> str:
    """Return scheme, host and port as browsers write them, and the path without a slash at its end.

    They write names in lower case and leave out the scheme's own port.
    """
    parts = urlsplit(url.strip())
    host, port = parts.hostname, parts.port
    path = parts.path.rstrip("/")
    beside = parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in _DEFAULT_PORTS or not host or beside or not _HOST.fullmatch(host):
        raise ValueError(
            "give scheme, host, port and path only, for example https://keys.example.com or "
            "https://example.com/flowkeys"
        )
    if path and not _PATH.fullmatch(path):
        raise ValueError(
            "its path may have letters, digits, hyphens, dots and underscores, for example /flowkeys"
        )
    shown = f"[{host}]" if ":" in host else host
    own = port is None or port == _DEFAULT_PORTS[parts.scheme]
    return f"{parts.scheme}://{shown}{'' if own else f':{port}'}{path}"
