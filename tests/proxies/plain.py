"""What stands behind the proxies of docs/reverse-proxy, and reading streams through them."""

import json
import shutil
import ssl
import subprocess
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final

import pytest

from flowkeys.flows.drafts.templates import python_flow
from flowkeys.web.predictions import events
from tests.proxies import chat
from tests.proxies.programs import Proxy
from tests.proxies.wire import Answer, call, opened
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Running

COMMENT: Final = events.COMMENT.decode().partition("\n")[0] + "\n"
"""A line that nothing else in a stream is."""


class Plain:
    """A flowkeys with a chatflow that says what it is told to, and the way to it through each proxy."""

    def __init__(self, flowkeys: Running, certificates: Path) -> None:
        self.flowkeys = flowkeys
        self.owner = flowkeys.owner()
        chatflow = make_chatflow(self.owner, "Chat", python_flow(chat.TARGET))
        self.path = f"/api/v1/prediction/{chatflow['id']}"
        self.bearer = f"Authorization: Bearer {bound_key(self.owner, chatflow)['apiKey']}"
        self.certificates = certificates
        self.tls = ssl.create_default_context(cafile=str(certificates / "certificate.pem"))

    def values(self, port: int | None = None) -> dict[str, str]:
        """Return what the placeholders stand for; another `port` of flowkeys if given."""
        return {
            "FLOWKEYS_HOST": "127.0.0.1",
            "FLOWKEYS_PORT": str(port or self.flowkeys.port),
            "CERTIFICATE": str(self.certificates / "certificate.pem"),
            "CERTIFICATE_KEY": str(self.certificates / "key.pem"),
            "CERTIFICATE_AND_KEY": str(self.certificates / "both.pem"),
        }

    def call(self, proxy: Proxy, target: str, *headers: str, **options: Any) -> Answer:
        """Call something."""
        return call(proxy.port, target, *headers, tls=self.tls, **options)

    def ask(self, proxy: Proxy, question: str, *headers: str, streaming: bool = False) -> Any:
        """Ask the chatflow; a context manager that gives the answer as soon as it has begun."""
        json_ = "Content-Type: application/json"
        body = json.dumps({"question": question, "streaming": streaming}).encode()
        sent = (self.bearer, json_, *headers)
        return opened(proxy.port, self.path, *sent, method="POST", body=body, tls=self.tls)


def told(response: HTTPResponse | None, piece: str) -> None:
    """Read a stream until a piece has come."""
    assert response is not None
    assert response.status == 200
    found = b""
    while found != piece.encode() if piece == COMMENT else piece.encode() not in found:
        found = response.readline()
        assert found, "the stream ended"


def certify(folder: Path) -> None:
    """Put a certificate for this machine that nobody but these tests believes, and its key, into a folder."""
    openssl = shutil.which("openssl") or pytest.skip("openssl is not installed: make tools")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([openssl, *options.split(), *names, *files], cwd=folder, check=True, capture_output=True)
    both = [(folder / name).read_text() for name in ("certificate.pem", "key.pem")]
    (folder / "both.pem").write_text("".join(both))
