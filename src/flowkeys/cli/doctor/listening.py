"""Where a server listens: the port, the Unix socket."""

import grp
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flowkeys.cli.doctor.finding import Finding, fail, ok, warn
from flowkeys.config import Settings

_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not listened on
_READ_BYTES: Final = 100_000


def check_port(settings: Settings) -> Finding:
    """Look whether the port is free, or a server of ours has it."""
    where = f"{settings.host} port {settings.port}"
    why = _hindrance(settings.host, settings.port)
    if why is None:
        return ok("port", f"{where} is free: no server runs there")
    if _answer(settings.host, settings.port, "/api/v1/ping") == b"pong":
        return ok("port", f"a flowkeys server answers on {where}")
    return fail("port", f"cannot listen on {where}: {why}.", "Set FLOWKEYS_HOST and FLOWKEYS_PORT.")


def check_metrics(settings: Settings) -> Iterator[Finding]:
    """Look at the port of metrics, if there is one: whether it is free, or ours, and who may read them."""
    host, port = settings.metrics_host, settings.metrics_port
    if port is None:
        return
    where = f"{host} port {port}"
    why = _hindrance(host, port)
    if why is None:
        yield ok("metrics", f"{where} is free: no server runs there")
    elif b"flowkeys_build_info" in _answer(host, port, "/metrics"):
        yield ok("metrics", f"a flowkeys server tells its metrics on {where}, at /metrics")
    else:
        advice = "Set FLOWKEYS_METRICS_HOST and FLOWKEYS_METRICS_PORT."
        yield fail("metrics", f"cannot listen on {where}: {why}.", advice)
    if host in _ANYWHERE:
        yield warn(
            "metrics",
            f"they are told on every network of this machine ({host}), to whoever asks.",
            "Let only Prometheus reach that port, or set FLOWKEYS_METRICS_HOST to another address.",
        )


def _hindrance(host: str, port: int) -> str | None:
    """Return in words why a port cannot be listened on, or None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            from flowkeys.cli.server.port import why_not

            return why_not(error)
    return None


def _answer(host: str, port: int, path: str) -> bytes:
    """Return what is answered at a path; nothing: nobody answers there, or something else."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(_ANYWHERE.get(host, host), port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().read(_READ_BYTES)
    except (OSError, HTTPException, ValueError):
        return b""
    finally:
        connection.close()


def check_socket(path: Path) -> Iterator[Finding]:
    """Look whether the Unix socket can be made, or a server of ours has it, and who may connect to it."""
    found = _socket(path)
    yield found
    if found.verdict == "ok" and (closed := _closed_folder(path)) is not None:
        message = f"only one user may enter {closed}, so no proxy of another user reaches {path}."
        yield warn(
            "socket folder", message, "Set FLOWKEYS_UDS to a path in a folder that its group may enter."
        )


def _closed_folder(path: Path) -> Path | None:
    """Return the folder on the way to a path that nobody but its user may enter, if there is one."""
    anyone = stat.S_IXGRP | stat.S_IXOTH
    return next((above for above in path.parents if not above.stat().st_mode & anyone), None)


def _socket(path: Path) -> Finding:
    from flowkeys.cli.server import unix_socket

    if why := unix_socket.hindrance(path):
        return fail(
            "socket",
            f"cannot listen on {path}: {why}",
            "Put that right, or set FLOWKEYS_UDS to another path.",
        )
    state = unix_socket.state(path)
    if state == "left":
        return ok("socket", f"{path} is left of a server that was killed: the next start takes it over")
    if state == "free":
        return ok("socket", f"{path} is free: no server runs there")
    if not unix_socket.answers(path):
        return fail(
            "socket",
            f"another program listens on {path}, or nobody answers.",
            "Set FLOWKEYS_UDS to another path.",
        )
    found = path.stat()
    mode, group = stat.S_IMODE(found.st_mode), _group(found.st_gid)
    return ok("socket", f"a flowkeys server answers on {path}, for user and group {group} (mode {mode:04o})")


def _group(number: int) -> str:
    try:
        name: str = grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
    return name
