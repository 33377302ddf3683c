"""Names of headers that are known are those that need no look."""

from flowkeys.web.hot.names import usual


def test_a_known_name_is_told_in_lower_case_however_it_was_spelt() -> None:
    """Clients spell it as they like (RFC 9110 section 5.1)."""
    assert usual(b"Authorization") == usual(b"authorization") == b"authorization"
    assert usual(b"X-Request-Id") == usual(b"x-request-id") == b"x-request-id"


def test_what_says_what_becomes_of_a_connection_is_looked_at() -> None:
    """None of these is usual."""
    for name in (b"connection", b"proxy-connection", b"expect", b"upgrade", b"transfer-encoding"):
        assert usual(name) is usual(name.title()) is None
