"""The port that a server listens on."""

import os
import socket

from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError


def listen(settings: Settings, backlog: int) -> socket.socket:
    """Return a socket that listens on the host and port of the settings.

    Raises:
        ConfigurationError: it says what stands in the way.
    """
    return _listen(settings.host, settings.port, backlog, "Choose another with --host and --port.")


def listen_beside(settings: Settings, backlog: int, count: int) -> list[socket.socket]:
    """Return so many sockets that listen on the host and port of the settings, side by side.

    The system spreads connections over them (SO_REUSEPORT). It would over those of another server, too, and
    say nothing, so the port is tried first by itself.

    Raises:
        ConfigurationError: it says what stands in the way.
    """
    host, port = settings.host, settings.port
    if port:
        listen(settings, backlog).close()
    found: list[socket.socket] = []
    for _ in range(count):
        try:
            one = _listen(host, port, backlog, "Choose another with --host and --port.", beside=True)
        except ConfigurationError:
            for other in found:
                other.close()
            raise
        found.append(one)
        port = port or one.getsockname()[1]
    return found


def listen_for_metrics(settings: Settings, backlog: int, process: int = 0) -> socket.socket | None:
    """Return a socket that listens on the port of metrics of a process, by its number; None: they are off.

    Raises:
        ConfigurationError: it says what stands in the way.
    """
    if settings.metrics_port is None:
        return None
    advice = "Set FLOWKEYS_METRICS_PORT to another port for metrics, or FLOWKEYS_METRICS_HOST."
    port = settings.metrics_port + process if settings.metrics_port else 0
    return _listen(settings.metrics_host, port, backlog, advice)


def _listen(host: str, port: int, backlog: int, advice: str, *, beside: bool = False) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio too sends answers without Nagle's delay of 40 ms; uvloop always does.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if beside:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.listen(backlog)
    except (OSError, OverflowError, UnicodeError) as error:
        listening.close()
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {why_not(error)}. {advice}"
        ) from error
    listening.set_inheritable(False)
    return listening


def url_of(listening: socket.socket) -> str:
    """Return the address that a socket is reached at."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def why_not(error: OSError | OverflowError | UnicodeError) -> str:
    """Return in words why an address cannot be listened on."""
    if isinstance(error, OverflowError):
        return "there is no such port"
    if isinstance(error, UnicodeError):
        return "no host has such a name"
    if isinstance(error, socket.gaierror):  # its numbers are not the operating system's
        return f"no address of that name is known ({error.strerror})"
    return os.strerror(error.errno or 0)
