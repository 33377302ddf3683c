"""Who takes part: how each is started, and the call that asks it whether a key is good."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import process
from bench.load import Call
from bench.process import Process
from bench.verification.keys import Filled

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ROOT / "build" / "peers"
CONNECTIONS: Final = 16
MANY_CONNECTIONS: Final = 64
EMPTY: Final = "empty ASGI application"
PROTOCOL_PATH: Final = "protocol path"
NO_BODY: Final = f"{EMPTY}, no body, {MANY_CONNECTIONS} connections"
MANY: Final = f"{PROTOCOL_PATH}, {MANY_CONNECTIONS} connections"
"""As forward-auth is asked by a proxy that keeps many connections: nothing is in its answer's body."""
SETTINGS: Final = {PROTOCOL_PATH: {"http": "protocol"}, "ASGI path": {"http": "asgi"}}
_UVICORN: Final = (
    "--port",
    "0",
    "--http",
    "httptools",
    "--loop",
    "uvloop",
    "--ws",
    "none",
    "--no-access-log",
)


@dataclass(frozen=True)
class Contender:
    """A server that runs, and one call of it."""

    name: str
    server: Process
    call: Call
    connections: int = CONNECTIONS


@dataclass(frozen=True)
class _Peer:
    name: str
    home: Path
    command: Sequence[str]
    call: Callable[[str], Call]
    connections: int = CONNECTIONS
    settings: tuple[tuple[str, str], ...] = ()


def _protected(token: str) -> Call:
    return Call("/protected", token=token)


def _uvicorn(python: Path | str, app: str, *options: str) -> list[str]:
    return [str(python), "-m", "uvicorn", app, *options, *_UVICORN]


_APPS: Final = str(ROOT / "bench" / "peers")
_BY_HAND: Final = _uvicorn(sys.executable, "bench.peers.by_hand:app")
BY_HAND_IN_MEMORY: Final = "by hand: FastAPI, SHA-256, a dict"
_KEYSHIELD: Final = _uvicorn(PEERS / "keyshield/bin/python", "keyshield_app:app", "--app-dir", _APPS)
_GUNICORN: Final = (
    str(PEERS / "drf/bin/gunicorn"), "--chdir", _APPS, "drf_app:application", "-b", "127.0.0.1:0",
    "-w", "1", "-k", "gthread", "--threads", "4", "--no-control-socket",
)  # fmt: skip
# keyshield writes at every call, in a transaction that spans it: two at a time are in each other's way.
PEERS_TO_START: Final = (
    *(
        _Peer(name, ROOT, _BY_HAND, _protected, settings=setting)
        for name, setting in (
            (BY_HAND_IN_MEMORY, (("PEER_STORE", "dict"),)),
            ("by hand: FastAPI, SHA-256, SQLite", (("PEER_STORE", "sqlite"),)),
        )
    ),
    _Peer("keyshield (was fastapi-api-key), Argon2", PEERS / "keyshield", _KEYSHIELD, _protected, 1),
    _Peer(
        "keyshield, with its cache", PEERS / "keyshield", _KEYSHIELD, _protected, 1, (("PEER_CACHED", "1"),)
    ),
    _Peer(
        "djangorestframework-api-key", PEERS / "drf", _GUNICORN,
        lambda token: Call("/protected", token=token, scheme="Api-Key"),
    ),
    _Peer(
        "better-auth, API key plugin", PEERS / "better-auth",
        ("node", str(ROOT / "bench" / "peers" / "better_auth.mjs")), _protected,
    ),
)  # fmt: skip


def start(stack: ExitStack, folder: Path, filled: Filled) -> tuple[list[Contender], dict[str, str]]:
    """Start all that can be; return them, and why the others could not."""
    bodies = {"GET": None, "POST": {"chatflowId": filled.chatflow}}
    paths = {"GET": "/api/v1/auth/verify", "POST": "/api/v1/apikey/verify"}

    def calls(name: str, server: Process) -> Iterator[Contender]:
        for method, path in paths.items():
            yield Contender(f"{name}, {method}", server, Call(path, bodies[method], filled.token))

    empty = stack.enter_context(process.empty(folder / "empty.log"))
    found = [*calls(EMPTY, empty)]
    asked = Call(paths["GET"], token=filled.token)
    no_body = stack.enter_context(process.empty(folder / "no-body.log", "no_body"))
    found.append(Contender(f"{NO_BODY}, GET", no_body, asked, MANY_CONNECTIONS))
    for name, settings in SETTINGS.items():
        data = _copy(filled.folder, folder / name.replace(" ", "-"))
        server = stack.enter_context(process.flowkeys(data, folder / f"{data.name}.log", **settings))
        found += calls(name, server)
        if name == PROTOCOL_PATH:
            found.append(Contender(f"{MANY}, GET", server, asked, MANY_CONNECTIONS))
    for name, which in (("raw ASGI, the same work", "raw"), ("bare protocol, the same work", "bare")):
        data = _copy(filled.folder, folder / which)
        command = [sys.executable, "-m", "bench.verification.apps", which]
        own = {"FLOWKEYS_DATA_DIR": str(data)}
        server = stack.enter_context(process.running(command, folder / f"{which}.log", own))
        found += calls(name, server)
    missing = {}
    for number, peer in enumerate(PEERS_TO_START):
        try:
            found.append(_start(stack, peer, folder / f"peer-{number}"))
        except (OSError, RuntimeError) as error:
            missing[peer.name] = (
                "not installed" if not peer.home.is_dir() else str(error).splitlines()[-1][:80]
            )
    return found, missing


def _start(stack: ExitStack, peer: _Peer, folder: Path) -> Contender:
    if peer.home is not ROOT and not (peer.home / ".ready").exists():
        raise FileNotFoundError("not installed: see build/peers")
    folder.mkdir()
    settings = {"PEER_FOLDER": str(folder), "PEER_HOME": str(peer.home), **dict(peer.settings)}
    server = stack.enter_context(process.running(peer.command, folder / "server.log", settings))
    return Contender(peer.name, server, peer.call((folder / "token").read_text("ascii")), peer.connections)


def _copy(source: Path, target: Path) -> Path:
    """Give each server a data directory of its own, so that none follows the changes of another."""
    return Path(shutil.copytree(source, target))
