"""The HTTP client that calls are sent with when none is given: its proxy and its certificates.

Both come from the environment. A value that is no use is a `ClientConfigurationError` with its variable.
"""

import os
import re
import ssl
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from flowkeys.client.errors import ClientConfigurationError
from flowkeys.client.http.proxies import Proxy, proxy_for

OWN_CLIENT: Final = "correct it or unset it, or give an http_client= of your own"
NO_OWN_CLIENT: Final = "correct it or unset it"
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4.0)
"""httpx's own, but that a connection is not used again after four idle seconds. Servers and proxies close
theirs after five or more, and a call that is sent in that moment is lost; many cannot be sent again."""
_SOCKS: Final = frozenset({"socks5", "socks5h"})
_HOST: Final = re.compile(rb"[A-Za-z0-9._:-]+")
_LAST_PORT: Final = 65_535
_SCHEMES: Final = frozenset({"http", "https"}) | _SOCKS


class Transport:
    """How a server is reached from here. The environment is read once, when this is made."""

    def __init__(self, base_url: str, *, otherwise: str = OWN_CLIENT) -> None:
        """Find the way to `base_url`; `otherwise` ends the messages about a variable that is no use.

        Raises:
            ClientConfigurationError: a variable names a proxy or certificates that cannot be used.
        """
        self._otherwise = otherwise
        self.proxy = proxy_for(base_url)
        proxy = None if self.proxy is None else self._checked(self.proxy)
        over_tls = [urlsplit(base_url).scheme == "https", proxy is not None and proxy.url.scheme == "https"]
        # Without TLS on the way no certificates are read, and none would be believed.
        certificates = self._certificates() if any(over_tls) else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if proxy is not None and proxy.url.scheme == "https":
            proxy.ssl_context = certificates
        self.options: dict[str, Any] = {
            "trust_env": False,
            "verify": certificates,
            "proxy": proxy,
            "limits": LIMITS,
        }
        """What ``httpx.Client`` and ``httpx.AsyncClient`` are made with."""

    def note(self, cause: object = "") -> str:
        """Return what to say beside a failed call: a variable that may be the reason, or nothing."""
        if self.proxy is not None:
            return (
                f" The call went through the proxy that {self.proxy.named_by} names: check that, "
                "or name the server's host in NO_PROXY."
            )
        source = _certificates_from()
        if source and "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return f" Only the certificates that {source} names are believed."
        return ""

    def _checked(self, proxy: Proxy) -> httpx.Proxy:
        scheme = proxy.url.partition("://")[0].lower()
        if scheme not in _SCHEMES:
            raise self._refused(
                proxy.named_by, f"names a proxy of another kind than {', '.join(sorted(_SCHEMES))}"
            )
        if scheme in _SOCKS and find_spec("socksio") is None:
            raise self._refused(
                proxy.named_by, "names a SOCKS proxy, which needs a package: pip install 'httpx[socks]'"
            )
        try:
            found = httpx.Proxy(proxy.url)
        except (httpx.InvalidURL, ValueError):  # its text may hold a password
            found = None
        if found is None or not _HOST.fullmatch(found.url.raw_host) or (found.url.port or 0) > _LAST_PORT:
            raise self._refused(proxy.named_by, "names no proxy, as http://proxy.example.com:3128 does")
        return found

    def _certificates(self) -> ssl.SSLContext:
        folders = os.environ.get("SSL_CERT_DIR", "").split(os.pathsep)
        if _certificates_from() == "SSL_CERT_DIR" and not any(Path(folder).is_dir() for folder in folders):
            raise self._refused("SSL_CERT_DIR", "names no folder that there is")
        try:
            return httpx.create_ssl_context()
        except OSError as error:
            raise self._refused(*_blamed(error)) from error

    def _refused(self, variable: str, what: str) -> ClientConfigurationError:
        return ClientConfigurationError(
            f"{variable} {what}. If that is not meant for this, {self._otherwise}."
        )


def _certificates_from() -> str:
    """Return the variable that certificates are read by, if there is one."""
    return next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), "")


def _blamed(error: OSError) -> tuple[str, str]:
    """Return the variable that made reading certificates fail, and what is wrong with it."""
    file = os.environ.get("SSL_CERT_FILE")
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError:
            return "SSL_CERT_FILE", f"names certificates that cannot be read: {error.strerror or error}"
    if os.environ.get("SSLKEYLOGFILE"):
        return "SSLKEYLOGFILE", f"names a file that cannot be written: {error.strerror or error}"
    return "SSL_CERT_DIR" if os.environ.get("SSL_CERT_DIR") else "The TLS library", f"cannot be used: {error}"
