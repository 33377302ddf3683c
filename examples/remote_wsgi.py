"""A WSGI application (as Flask and Django are) that asks a flowkeys server elsewhere.

FLOWKEYS_URL and FLOWKEYS_API_KEY say which server, and with which key: it needs apikeys:view.
Run: python examples/remote_wsgi.py 8080.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

from flowkeys.verify import Unavailable, Verifier

verifier = Verifier.remote()


def app(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    """Answer callers with a good key."""
    try:
        result = verifier.verify(environ.get("HTTP_AUTHORIZATION"))
    except Unavailable:
        start_response("503 Service Unavailable", [("Retry-After", "1")])
        return [b"Try again.\n"]
    if not result.allowed:
        headers = [
            ("WWW-Authenticate", result.www_authenticate),
            ("Content-Type", "application/problem+json"),
        ]
        start_response(f"{result.status} Refused", headers)
        return [result.body()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"Hello, {result.name}\n".encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(sys.argv[1]), app) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
