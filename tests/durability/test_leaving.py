"""A server that is told to stop says so first, and loses neither a call nor a stream."""

import signal
import threading
from pathlib import Path

import httpx

from tests.durability.process import Serve, wait_for
from tests.durability.python_flows import SETTINGS, caller
from tests.support.flows import events
from tests.support.waiting import until


def test_a_stream_may_end_within_the_grace(serve: Serve, tmp_path: Path) -> None:
    """At SIGTERM a stream goes on; it is whole, and its messages are stored."""
    served = serve(**SETTINGS, shutdown_seconds=300)
    owner = served.owner()
    mark = tmp_path / "pour"
    with caller(served, owner, "pour").stream(str(mark)) as answer:
        wait_for(Path(f"{mark}.started"))
        stopping = threading.Thread(target=served.stop)
        stopping.start()
        until(lambda: not _connects(served.url), "the port to be closed")
        Path(f"{mark}.release").touch()
        seen = events(answer.read().decode())
        stopping.join()
    names = [event["event"] for event in seen]
    assert (names[-2:], "error" in names) == (["metadata", "end"], False)
    assert served.rows("SELECT role FROM message ORDER BY seq") == [("userMessage",), ("apiMessage",)]


def test_ready_says_so_before_the_port_is_closed(serve: Serve) -> None:
    """During the delay all is answered, once more on each connection; a second signal ends it at once."""
    served = serve(stop_delay_seconds=300, shutdown_seconds=300)
    kept, idle, asking = served.owner(), served.owner(), served.api()
    assert kept.get("/apikey").headers.get("connection") is None
    assert idle.get("/apikey").status_code == 200
    assert asking.get("/health/ready").status_code == 200
    assert served.process is not None
    served.process.send_signal(signal.SIGTERM)
    refused = until(lambda: _refusal(asking), "ready to say so")
    assert (refused.json()["code"], refused.headers["connection"]) == ("unavailable", "close")
    assert asking.get("/health/live").json() == {"status": "ok"}
    for api in (kept, idle):  # neither was closed when it might have been used
        last = api.get("/apikey")
        assert (last.status_code, last.headers["connection"]) == (200, "close")
        assert api.get("/apikey").headers["connection"] == "close"  # a new one
    served.stop()
    assert not _connects(served.url)


def _refusal(api: httpx.Client) -> httpx.Response | None:
    answer = api.get("/health/ready")
    return answer if answer.status_code == 503 else None


def _connects(url: str) -> bool:
    with httpx.Client(trust_env=False, timeout=90) as client:
        try:
            client.get(f"{url}/api/v1/ping")
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            return True
    return True
