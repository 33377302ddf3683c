"""``flowkeys serve --uds``, as a process of its own."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import httpx

from flowkeys.cli.server import unix_socket
from tests.cli.conftest import Cli
from tests.cli.server.test_serve import FLOWKEYS, Served, lines
from tests.support.waiting import PATIENCE_SECONDS, until


def serve(log: Path, *arguments: str, data_dir: Path, **variables: str) -> Served:
    """Start a server whose new files would be everybody's."""
    before = os.umask(0)
    try:
        return Served(data_dir, log, *arguments, FLOWKEYS_LOG_FORMAT="json", **variables)
    finally:
        os.umask(before)


def get(uds: Path, path: str, **headers: str) -> httpx.Response:
    """Ask by a socket."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(uds)), timeout=PATIENCE_SECONDS) as client:
        return client.get(f"http://keys.test/api/v1{path}", headers=headers)


def answers(uds: Path, served: Served) -> None:
    """Wait until it answers."""

    def pong() -> bool:
        assert served.process.poll() is None, served.said
        return unix_socket.answers(uds)

    until(pong, lambda: f"the server to answer: {served.said}")


def test_a_socket_from_the_start_to_the_end(local: Cli, data_dir: Path, tmp_path: Path) -> None:
    """Killed and started again, beside another server of the same folder, until it is told to stop."""
    uds, log = tmp_path / "flowkeys.sock", tmp_path / "log"
    key = local("keys", "create", "caller", "--permission", "apikeys:view").out.strip()
    started = []
    try:
        started.append(first := serve(log, "--uds", str(uds), data_dir=data_dir))
        answers(uds, first)
        assert stat.S_IMODE(uds.stat().st_mode) == 0o660
        beginning, warning, *_ = lines(first)
        assert (beginning["uds"], "url" in beginning) == (str(uds), False)
        assert "FLOWKEYS_PUBLIC_URL is not set" in warning["event"]
        assert get(uds, "/auth/verify", Authorization=f"Bearer {key}").status_code == 200
        assert get(uds, "/apikey", Authorization=f"Bearer {key}").status_code == 200
        refused = get(uds, "/auth/verify", Authorization="Bearer x")
        assert refused.status_code == 401
        assert lines(first)[-1]["address"] is None
        report = local("doctor", "--json", FLOWKEYS_UDS=str(uds)).json
        told = {item["check"]: (item["verdict"], item["message"]) for item in report["findings"]}
        assert told["socket"][0] == "ok"
        assert re.search("a flowkeys server answers .* 0660", told["socket"][1])
        assert told["proxy"][0] == "warn"
        assert "port" not in told

        second = subprocess.run(
            [FLOWKEYS, "serve", "--uds", uds], env={**os.environ, "FLOWKEYS_LOG_FORMAT": "json"},
            capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert second.returncode == 3
        assert "A server listens on it already" in json.loads(second.stderr)["event"]
        answers(uds, first)

        first.end(signal.SIGKILL)
        assert uds.is_socket(), "nobody could remove it"
        told = {
            item["check"]: item["message"]
            for item in local("doctor", "--json", FLOWKEYS_UDS=str(uds)).json["findings"]
        }
        assert "left of a server" in told["socket"]
        again = serve(tmp_path / "again", "--port", "0", data_dir=data_dir, FLOWKEYS_UDS=str(uds))
        started.append(again)
        beside = serve(tmp_path / "beside", "--uds", str(tmp_path / "other"), data_dir=data_dir)
        started.append(beside)
        answers(uds, again)
        answers(tmp_path / "other", beside)
        url = lines(again)[0]["url"]
        assert lines(again)[0]["uds"] == str(uds)
        assert httpx.get(f"{url}/api/v1/ping", timeout=PATIENCE_SECONDS, trust_env=False).text == "pong"
        local("keys", "revoke", "caller", "--yes")
        for each in (uds, tmp_path / "other"):
            assert get(each, "/auth/verify", Authorization=f"Bearer {key}").json()["code"] == "revoked_key"

        with closing(socket.socket(socket.AF_UNIX)) as kept:
            kept.settimeout(PATIENCE_SECONDS)
            kept.connect(str(uds))
            kept.sendall(b"GET /api/v1/auth/verify HTTP/1.1\r\nHost: x\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 401 ")
            assert again.end(signal.SIGTERM) in {0, -signal.SIGTERM}
            assert kept.recv(1) == b"", "who waits for nothing is not waited for"
        assert not uds.exists()
        assert beside.end(signal.SIGINT) == 0
        assert not (tmp_path / "other").exists()
    finally:
        for served in started:
            if served.process.poll() is None:
                served.end(signal.SIGKILL)
