"""The certificates by which other servers are known."""

import ssl
from functools import cache


@cache
def context() -> ssl.SSLContext:
    """Import what is large, and read the certificates, once; it takes some tens of milliseconds.

    Raises:
        OSError, ssl.SSLError: they cannot be read (``SSL_CERT_FILE``).
    """
    import httpx

    return httpx.create_ssl_context()
