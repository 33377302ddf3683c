"""Networks that a key may be used from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.keys.networks import Networks, clean_networks


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        (["203.0.113.7"], ["203.0.113.7"]),
        (["203.0.113.7/32", " 203.0.113.7 "], ["203.0.113.7"]),
        (["10.0.0.0/8", "10.0.0.0/255.0.0.0"], ["10.0.0.0/8"]),
        (["2001:DB8:0::/32"], ["2001:db8::/32"]),
        (["2001:db8::1/128"], ["2001:db8::1"]),
        (["::ffff:10.0.0.0/104"], ["10.0.0.0/8"]),
        (["::ffff:10.0.0.7"], ["10.0.0.7"]),
        (["0.0.0.0/0", "::/0"], ["0.0.0.0/0", "::/0"]),
        ([], []),
    ],
)
def test_networks_are_stored_in_one_form(given_: list[str], stored: list[str]) -> None:
    """The shortest, each once; an address that stands for an IPv4 one is that one."""
    assert list(clean_networks(given_)) == stored
    assert list(clean_networks(stored)) == stored


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1/8", "The network is 10.0.0.0/8"),
        ("2001:db8::1/32", "The network is 2001:db8::/32"),
        ("", "no address"),
        ("example.com", "no address"),
        ("10.0.0.0/33", "no address"),
        ("10.0.0", "no address"),
        ("010.0.0.1", "no address"),
        ("*", "no address"),
        ("10.0.0.1:80", "no address"),
        ("fe80::1%eth0", "zone"),
        ("unix", "no address"),
    ],
)
def test_what_is_no_network_is_named(text: str, said: str) -> None:
    """With what may be meant, where that can be known."""
    with pytest.raises(ValueError, match=said):
        clean_networks(["10.0.0.0/8", text])


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        (["10.0.0.0/8"], "10.255.255.255", True),
        (["10.0.0.0/8"], "11.0.0.0", False),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], "::10.1.2.3", False),
        (["2001:db8::/32"], "2001:db8:ffff::1", True),
        (["2001:db8::/32"], "2001:db9::", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["::/0"], "10.0.0.1", False),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["192.0.2.1", "10.0.0.0/8"], "10.0.0.1", True),
        (["0.0.0.0/0", "::/0"], None, False),
        (["0.0.0.0/0", "::/0"], "unix", False),
        (["0.0.0.0/0", "::/0"], "", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(networks: list[str], address: str | None, inside: bool) -> None:
    """One that is not known lies in none, not even in all there are."""
    assert Networks(networks).include(address) is inside


@given(st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(), st.integers(0, 32))
def test_it_agrees_with_the_standard_library(address: object, prefix: int) -> None:
    """For every address and every prefix of one network."""
    from ipaddress import ip_network

    network = ip_network(f"10.20.30.40/{prefix}", strict=False)
    assert Networks([str(network)]).include(str(address)) is (address in network)
