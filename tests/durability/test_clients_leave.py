"""A client that goes away stops its run: nobody pays for an answer that nobody reads."""

import json
import socket
from pathlib import Path

import pytest

from tests.durability.process import Served, wait_for
from tests.durability.python_flows import Caller, caller


@pytest.mark.parametrize(
    ("name", "streaming", "waits_for"),
    [
        pytest.param("wait", False, "started", id="json"),
        pytest.param("wait", True, "started", id="stream before the first word"),
        pytest.param("drip", True, None, id="stream after the first word"),
    ],
)
def test_a_client_that_leaves_stops_the_run(
    running: Served, tmp_path: Path, name: str, streaming: bool, waits_for: str | None
) -> None:
    """The run is cancelled, nothing of it is stored, and the server goes on."""
    owner = running.owner()
    asking = caller(running, owner, name)
    mark = tmp_path / name
    with connected(asking, {"question": str(mark), "streaming": streaming}) as raw:
        if waits_for is not None:
            wait_for(Path(f"{mark}.{waits_for}"))
        else:
            read = b""
            while b"first " not in read:
                read += raw.recv(65536)
    wait_for(Path(f"{mark}.cancelled"))
    assert owner.get("/ping").text == "pong"
    chatflow = asking.path.rpartition("/")[2]
    assert running.rows("SELECT count(*) FROM message WHERE chatflow_id = ?", chatflow) == [(0,)]
    assert "Traceback" not in running.said()


def connected(asking: Caller, body: dict) -> socket.socket:
    """Send a request over a connection of its own, and return that."""
    url = asking.api.base_url
    content = json.dumps(body).encode()
    raw = socket.create_connection((url.host, url.port), timeout=20)
    head = (
        f"POST /api/v1{asking.path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {asking.api.token}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    raw.sendall(head.encode() + content)
    return raw
