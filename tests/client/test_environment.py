"""Proxies and certificates that the environment names: those that are no use are said by their variable."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

import flowkeys
from flowkeys.client.http.proxies import Proxy, is_excluded, proxy_for
from flowkeys.verify import Verifier, mint
from tests.client.conftest import TOKEN
from tests.client.scripted import Scripted

HERE = "http://127.0.0.1:1"
PLAIN = "http://keys.example.com"
TLS = "https://keys.example.com"
DEAD = "http://127.0.0.1:1"
"""A proxy where nothing listens."""


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test sets."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"}:
            monkeypatch.delenv(name)


USELESS = [
    ("ALL_PROXY", "socks5://127.0.0.1:1080", PLAIN, "httpx[socks]"),
    ("all_proxy", "socks5h://127.0.0.1:1080", TLS, "httpx[socks]"),
    ("ALL_PROXY", "socks://127.0.0.1:1080", PLAIN, "socks5"),  # as GNOME writes it
    ("all_proxy", "socks4://127.0.0.1:1080", TLS, "socks5"),
    ("HTTP_PROXY", "ftp://proxy", PLAIN, "http"),
    ("HTTP_PROXY", "://", PLAIN, "http"),
    ("HTTPS_PROXY", "http://", TLS, "names no proxy"),
    ("https_proxy", "http://secret-name@[::1", TLS, "names no proxy"),
    ("HTTPS_PROXY", "http://proxy:port", TLS, "names no proxy"),
    ("HTTPS_PROXY", "proxy:99999", TLS, "names no proxy"),
    ("HTTPS_PROXY", "http://two words", TLS, "names no proxy"),
    ("SSL_CERT_FILE", "/gone/ca.pem", TLS, "No such file"),
    ("SSL_CERT_FILE", "/", TLS, "cannot be read"),
    ("SSL_CERT_FILE", os.devnull, TLS, "cannot be read"),
    ("SSL_CERT_DIR", "/gone", TLS, "no folder"),
    ("SSL_CERT_DIR", f"/gone{os.pathsep}/gone/too", TLS, "no folder"),
    ("SSLKEYLOGFILE", "/gone/keys", TLS, "cannot be written"),
]


@pytest.mark.parametrize("make", [flowkeys.Client, flowkeys.AsyncClient, Verifier.remote])
def test_what_is_no_use_is_said_by_its_variable(
    make: Callable[[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both as what the SDK raises and as wrong configuration, with the way out, and without the value."""
    for variable, value, url, reason in USELESS:
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            with pytest.raises(flowkeys.ConfigurationError) as caught:
                make(url, TOKEN)
        assert isinstance(caught.value, flowkeys.FlowkeysApiError)
        said = str(caught.value)
        assert said.startswith(f"{variable} ")
        assert reason in said
        assert ("http_client=" in said) == (make != Verifier.remote)
        assert "secret-name" not in said


HARMLESS = [
    ({"ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "keys.example.com"}, PLAIN),
    ({"all_proxy": "socks://127.0.0.1:1080", "no_proxy": "*"}, TLS),
    ({"ALL_PROXY": "socks://127.0.0.1:1080", "HTTPS_PROXY": "http://proxy:3128"}, TLS),
    ({"HTTP_PROXY": "socks://127.0.0.1:1080"}, HERE),
    ({"HTTP_PROXY": "ftp://proxy"}, TLS),
    ({"HTTP_PROXY": "ftp://proxy", "http_proxy": ""}, PLAIN),  # the lower-case one takes it away
    ({"NO_PROXY": "localhost,fd00::/8"}, PLAIN),
    ({"no_proxy": "127.0.0.1,[::1]"}, TLS),
    ({"NO_PROXY": "[::1]:8080, <local> http://a b"}, TLS),
    ({"HTTPS_PROXY": "https://user:pass%40word@proxy:3128"}, TLS),
    ({"HTTPS_PROXY": "proxy:3128"}, TLS),
    ({"HTTPS_PROXY": "", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}, TLS),
    ({"SSL_CERT_FILE": "/gone"}, PLAIN),
    ({"SSL_CERT_DIR": f"/gone{os.pathsep}/"}, TLS),
    ({"SSLKEYLOGFILE": "/gone/keys"}, HERE),
]


@pytest.mark.parametrize("make", [flowkeys.Client, flowkeys.AsyncClient, Verifier.remote])
def test_what_does_not_concern_the_server_is_not_looked_at(
    make: Callable[[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale variable for another scheme, or for TLS where there is none, stops nobody."""
    for variables, url in HARMLESS:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            made = make(url, TOKEN)
        close = getattr(made, "aclose", None) if make is flowkeys.AsyncClient else None
        if close is None:
            made.close()
        else:
            asyncio.run(close())


EXCLUDED = [
    ("*", "keys.example.com", True),
    ("other, *", "keys.example.com", True),
    ("example.com", "keys.example.com", True),
    (".example.com", "keys.example.com", True),
    ("*.example.com", "keys.example.com", True),
    ("EXAMPLE.com.", "keys.example.com", True),
    ("example.com", "example.com", True),
    (".example.com", "example.com", True),
    ("example.com", "badexample.com", False),
    ("keys.example.com:443", "keys.example.com", True),
    ("keys.example.com:8443", "keys.example.com", False),
    ("https://keys.example.com", "keys.example.com", True),
    ("a.test b.test\tkeys.example.com", "keys.example.com", True),
    ("", "keys.example.com", False),
    (",, ,", "keys.example.com", False),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.1/8", "10.1.2.3", True),
    ("10.0.0.0/255.0.0.0", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.0.0.0/8", "keys.example.com", False),
    ("10.0.0.0/99", "10.1.2.3", False),
    ("10.1.2.3", "10.1.2.3", True),
    ("10.1.2.3:443", "10.1.2.3", True),
    ("0.1.2.3", "10.1.2.3", False),
    ("fd00::/8", "fd12::1", True),
    ("[fd00::]/8", "fd12::1", True),
    ("fd00::/8", "fe80::1", False),
    ("fd12:0::1", "fd12::1", True),
    ("[fd12::1]", "fd12::1", True),
    ("[fd12::1]:443", "fd12::1", True),
    ("[fd12::1]:80", "fd12::1", False),
    ("fd00::/8", "10.1.2.3", False),
    ("::ffff:10.1.2.3", "10.1.2.3", True),
]


def test_every_form_of_no_proxy_is_read() -> None:
    """Domains, ports, addresses and networks of both kinds, as curl and Go read them."""
    wrong = [row for row in EXCLUDED if is_excluded(row[1], 443, row[0]) != row[2]]
    assert wrong == []


def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its loopback address is another one to a proxy, which would be handed the key."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://proxy:3128")
    for host in ("127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "keys.localhost", "[::1]", "[::]"):
        assert proxy_for(f"http://{host}:3000") is None
    assert proxy_for("http://localhost.example.com") == Proxy("http://proxy:3128", "HTTP_PROXY")
    assert proxy_for("https://192.168.1.1") == Proxy("http://proxy:3128", "HTTPS_PROXY")
    monkeypatch.delenv("HTTPS_PROXY")
    assert proxy_for("https://192.168.1.1") == Proxy("http://proxy:3128", "ALL_PROXY")


def test_a_call_goes_straight_to_a_server_on_this_machine(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen on the wire: the proxy is not there, and the call works, as does a stream of changes."""
    monkeypatch.setenv("HTTP_PROXY", DEAD)
    server.answers("pong")
    with flowkeys.Client(server.url, TOKEN, max_retries=0) as client:
        client.ping()
    assert server.requests


def test_a_call_that_a_proxy_failed_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads that the server cannot be reached looks at the server; the proxy is the culprit."""
    for scheme, variable in (("http", "http_proxy"), ("https", "HTTPS_PROXY")):
        monkeypatch.setenv(variable, DEAD)
        with (
            flowkeys.Client(f"{scheme}://keys.example.com", TOKEN, max_retries=0) as client,
            pytest.raises(flowkeys.ConnectionFailed, match=f"proxy that {variable} names") as caught,
        ):
            client.ping()
        assert caught.value.proxy == variable
        verifier = Verifier.remote(f"{scheme}://keys.example.com", TOKEN)
        with verifier, pytest.raises(flowkeys.verify.Unavailable, match=f"proxy that {variable} names"):
            verifier.verify(token=mint())


def test_the_answer_of_a_proxy_names_the_variable(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that wants a password, or has a page of its own; what flowkeys itself says stands as it is."""
    monkeypatch.setenv("http_proxy", server.url)
    with flowkeys.Client(PLAIN, TOKEN, max_retries=0) as client:
        server.answers("<html>", status=407)
        with pytest.raises(flowkeys.FlowkeysApiError, match="proxy that http_proxy names") as caught:
            client.keys.get("k1")
        assert caught.value.proxy == "http_proxy"
        server.answers({"code": "not_found", "detail": "No such key."}, status=404)
        with pytest.raises(flowkeys.NotFoundError) as refused:
            client.keys.get("k1")
        assert (refused.value.detail, refused.value.proxy) == ("No such key.", None)


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http://[::1",
        "http://host:port",
        "https://host:99999",
        "http://:80",
        "ftp://host",
        "host:80",
    ],
)
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    """Said when the client is made, and caught by whoever catches what the SDK raises."""
    with pytest.raises(flowkeys.ConfigurationError, match="base_url") as caught:
        flowkeys.Client(url, TOKEN)
    assert isinstance(caught.value, flowkeys.FlowkeysApiError)
