"""A site of a few pages that are written in a test, to try the tools of this folder on."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
TYPES = {"js": "text/javascript", "css": "text/css", "json": "application/json"}


def html(body: str, head: str = "") -> str:
    """Return a page that axe-core has nothing to say about, with more in it."""
    start = '<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>'
    return f'{start}<link rel="icon" href="data:,">{head}<main><h1>A page</h1>{body}</main>'


@contextmanager
def site(pages: Mapping[str, Any]) -> Iterator[str]:
    """Serve texts by path under a strict policy, and yield the address.

    A text may be `(status, text)`, or a list of pieces that are sent one after the other.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages.get(self.path, "")
            status, text = found if isinstance(found, tuple) else (200, found)
            self.send_response(status)
            self.send_header("Content-Type", TYPES.get(self.path.rpartition(".")[2], "text/html"))
            self.send_header("Content-Security-Policy", STRICT)
            self.end_headers()
            for index, part in enumerate(text if isinstance(text, list) else [text]):
                time.sleep(0.05 if index else 0)
                self.wfile.write(part.encode())

        do_POST = do_GET  # noqa: N815 - the name that the server calls

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
