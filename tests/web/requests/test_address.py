"""Whose address counts: the peer's, or what trusted proxies vouch for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from flowkeys.web.requests.address import TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/8", "192.0.2.7", "fd00::/8", "fe80::/10"])
CLIENT = "203.0.113.9"


def _client(peer: str | None, *sent: bytes, proxies: TrustedProxies = PROXIES) -> str | None:
    return proxies.client(peer, [(b"host", b"h"), *((b"x-forwarded-for", value) for value in sent)])


@pytest.mark.parametrize(
    ("listed", "peer", "sent", "expected"),
    [
        (["unix"], "unix", [b"203.0.113.9"], CLIENT),
        (["unix"], "unix", [b"198.51.100.1, 203.0.113.9"], CLIENT),
        (["unix", "10.0.0.0/8"], "unix", [b"203.0.113.9, 10.0.0.2"], CLIENT),
        (["unix", "10.0.0.0/8"], "unix", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["unix"], "unix", [b"203.0.113.9, 10.0.0.2"], "10.0.0.2"),
        # What nobody vouches for: no header, none that can be read, a proxy that has no address itself.
        (["unix"], "unix", [], None),
        (["unix"], "unix", [b"203.0.113.9, unix:"], None),
        (["unix"], "unix", [b"203.0.113.9, unknown"], None),
        # The socket is no network, and a network no socket.
        (["unix"], "10.0.0.1", [b"203.0.113.9"], "10.0.0.1"),
        (["0.0.0.0/0", "::/0"], "unix", [b"203.0.113.9"], None),
        # Who was gone before anybody asked for the address may have come from anywhere.
        (["unix"], None, [b"203.0.113.9"], None),
    ],
)
def test_who_comes_by_a_unix_socket(
    listed: list[str], peer: str | None, sent: list[bytes], expected: str | None
) -> None:
    """Given `unix` among the trusted proxies, the header that it sends is believed; else nothing is known."""
    assert _client(peer, *sent, proxies=TrustedProxies(listed)) == expected


@pytest.mark.parametrize(
    ("peer", "sent", "expected"),
    [
        # Nobody vouches for what an untrusted peer sends.
        ("203.0.113.1", [b"198.51.100.1"], "203.0.113.1"),
        ("203.0.113.1", [b"10.0.0.1"], "203.0.113.1"),
        ("192.0.2.8", [b"198.51.100.1"], "192.0.2.8"),
        ("2001:db8::1", [b"198.51.100.1"], "2001:db8::1"),
        ("testclient", [b"198.51.100.1"], "testclient"),
        (None, [b"198.51.100.1"], None),
        # A Unix socket has no address, and is trusted when `unix` is listed.
        ("unix", [b"198.51.100.1"], None),
        # One proxy, and chains of them.
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9"], CLIENT),
        ("192.0.2.7", [b"203.0.113.9"], CLIENT),
        ("10.0.0.1", [b"203.0.113.9, 10.0.0.2"], CLIENT),
        ("10.0.0.1", [b"203.0.113.9 ,\t10.9.9.9,192.0.2.7"], CLIENT),
        ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What the client wrote itself stands further left.
        ("10.0.0.1", [b"198.51.100.1, 203.0.113.9"], CLIENT),
        ("10.0.0.1", [b"10.0.0.5, 203.0.113.9, 10.0.0.2"], CLIENT),
        ("10.0.0.1", [b"127.0.0.1, 203.0.113.9"], CLIENT),
        # Several lines are one list, in order.
        ("10.0.0.1", [b"198.51.100.1", b"203.0.113.9"], CLIENT),
        ("10.0.0.1", [b"203.0.113.9", b"10.0.0.2"], CLIENT),
        ("10.0.0.1", [b"203.0.113.9, 10.0.0.3", b"10.0.0.2"], CLIENT),
        # IPv6, bare, in brackets, with port and zone; zones mean nothing here.
        ("fd00::1", [b"2001:db8::9"], "2001:db8::9"),
        ("fd00::1", [b"2001:DB8:0:0::9"], "2001:db8::9"),
        ("fd00::1", [b"[2001:db8::9]"], "2001:db8::9"),
        ("fd00::1", [b"[2001:db8::9]:443"], "2001:db8::9"),
        ("fd00::1", [b"2001:db8::9, [fd00::2]:80"], "2001:db8::9"),
        ("fe80::1%eth0", [b"203.0.113.9"], CLIENT),
        ("fd00::1", [b"203.0.113.9, [fe80::2%eth0]:80"], CLIENT),
        ("2001:db8::1%eth0", [b"203.0.113.9"], "2001:db8::1"),
        # IPv4 with a port.
        ("10.0.0.1", [b"203.0.113.9:51234"], CLIENT),
        ("10.0.0.1", [b"203.0.113.9, 10.0.0.2:80"], CLIENT),
        # An IPv4-mapped address is the IPv4 address.
        ("::ffff:10.0.0.1", [b"203.0.113.9"], CLIENT),
        ("10.0.0.1", [b"::ffff:203.0.113.9"], CLIENT),
        ("10.0.0.1", [b"203.0.113.9, [::ffff:10.0.0.2]:1"], CLIENT),
        ("::ffff:203.0.113.1", [b"198.51.100.1"], "203.0.113.1"),
        # What is no address ends the search: the last trusted hop counts, nothing further left.
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b"unknown"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9, , 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [b"203.0.113.9, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [b"203.0.113.9,"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9 10.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", [b"010.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", [b"256.0.0.1"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9:"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9:http"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9%eth0"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9:123456"], "10.0.0.1"),
        ("10.0.0.1", [b"[203.0.113.9]"], "10.0.0.1"),
        ("10.0.0.1", [b"[2001:db8::9"], "10.0.0.1"),
        ("10.0.0.1", [b"[2001:db8::9]443"], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.0/24"], "10.0.0.1"),
        ("10.0.0.1", [b"3405803785"], "10.0.0.1"),
        ("10.0.0.1", [b'for="203.0.113.9"'], "10.0.0.1"),
        ("10.0.0.1", [b"\xef\xbc\x92\xef\xbc\x90\xef\xbc\x93.0.113.9"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.1, " + b"9" * 1000 + b", 10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_client_is_the_rightmost_that_no_proxy_of_ours_is(
    peer: str | None, sent: list[bytes], expected: str | None
) -> None:
    """One table: who is connected, the header's lines, and whose address counts."""
    assert _client(peer, *sent) == expected


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1", "::1", "2001:db8::1", "testclient", None])
def test_without_a_configured_proxy_the_client_is_who_is_connected(peer: str | None) -> None:
    """No header is looked at, on loopback either."""
    assert _client(peer, b"203.0.113.9", proxies=TrustedProxies()) == peer


def test_a_mapped_peer_is_its_ipv4_address_without_a_proxy_too() -> None:
    """A socket for both families tells of IPv4 clients so."""
    assert _client("::ffff:203.0.113.1", proxies=TrustedProxies()) == "203.0.113.1"


@pytest.mark.parametrize("network", ["::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "10.0.0.1"])
def test_a_mapped_network_is_an_ipv4_network(network: str) -> None:
    """The operator may write either."""
    assert _client("10.0.0.1", b"203.0.113.9", proxies=TrustedProxies([network])) == CLIENT


def test_every_address_can_be_trusted() -> None:
    """Then the leftmost counts: the operator said that nobody else writes the header."""
    everyone = TrustedProxies(["0.0.0.0/0", "::/0"])
    assert _client("203.0.113.1", b"198.51.100.1, 2001:db8::1", proxies=everyone) == "198.51.100.1"


def test_of_very_many_trusted_hops_the_nearest_are_looked_at() -> None:
    """A client inside a trusted network cannot make the server read a long list."""
    assert _client("10.0.0.1", b"203.0.113.9, " + b", ".join([b"10.0.0.2"] * 5000)) == "10.0.0.2"


@pytest.mark.parametrize("header", [b"forwarded", b"x-real-ip", b"x-client-ip", b"cf-connecting-ip"])
def test_no_other_header_tells_an_address(header: bytes) -> None:
    """Two headers could disagree, and a client could choose."""
    assert PROXIES.client("10.0.0.1", [(header, b"for=203.0.113.9"), (header, b"203.0.113.9")]) == "10.0.0.1"


@given(left=st.binary(max_size=200), lines=st.lists(st.binary(max_size=20), max_size=3))
def test_nothing_left_of_the_client_changes_anything(left: bytes, lines: list[bytes]) -> None:
    """Whatever a client sends, the entry that the first trusted proxy wrote counts."""
    assert _client("10.0.0.1", *lines, left + b", 203.0.113.9, 10.0.0.2") == CLIENT


@given(sent=st.lists(st.binary(max_size=60), max_size=4))
def test_any_header_gives_an_address(sent: list[bytes]) -> None:
    """Nothing that is sent raises, or becomes an address as it was written."""
    found = _client("10.0.0.1", *sent)
    assert found is not None
    assert TrustedProxies(["0.0.0.0/0", "::/0"]).client(found, []) == found


@pytest.mark.parametrize("text", ["10.0.0.0/8, fd00::/8", "10.0.0.0/8,fd00::/8,"])
def test_networks_are_separated_by_commas(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment, as in the other settings that are lists."""
    monkeypatch.setenv("FLOWKEYS_TRUSTED_PROXIES", text)
    assert load(data_dir=tmp_path).trusted_proxies == ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize("text", ["proxy.local", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.*", "*", "private"])
def test_what_is_no_network_stops_the_server(text: str, tmp_path: Path) -> None:
    """A name, or an address with the bits of a host: nobody should guess what is trusted."""
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        load(data_dir=tmp_path, trusted_proxies=text)
