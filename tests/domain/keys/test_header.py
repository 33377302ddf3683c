"""Another header than Authorization as the one place of a key."""

import pytest

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.keys.header import KeyHeader
from flowkeys.domain.keys.token import Token

TOKEN = Token.mint().reveal().encode()
X = b"x-api-key"
AUTH = b"authorization"
BASIC = (AUTH, b"Basic dXNlcjpwYXNz")
JWT = (AUTH, b"Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc")

READ = [
    ([(X, TOKEN)], TOKEN),
    ([(X, b" \t" + TOKEN + b" ")], TOKEN),
    # What is in Authorization is the application's, whatever it is.
    ([BASIC, (X, TOKEN)], TOKEN),
    ([(X, TOKEN), JWT], TOKEN),
    ([BASIC, JWT, (X, TOKEN)], TOKEN),
    # A token of another shape is for the verifier to refuse.
    ([(X, b"sk-something")], b"sk-something"),
]
REFUSED = [
    ([], Reason.MISSING_CREDENTIALS, "No credential was sent."),
    ([BASIC], Reason.MISSING_CREDENTIALS, "No credential was sent."),
    ([(b"x-api-keys", TOKEN)], Reason.MISSING_CREDENTIALS, "No credential was sent."),
    ([(X, TOKEN), (X, TOKEN)], Reason.INVALID_REQUEST, "There are two X-API-Key headers."),
    ([(X, b"")], Reason.INVALID_REQUEST, "is empty"),
    ([(X, b"  ")], Reason.INVALID_REQUEST, "is empty"),
    ([(X, b"Bearer " + TOKEN)], Reason.INVALID_REQUEST, "without Bearer"),
    ([(X, b"bearer " + TOKEN)], Reason.INVALID_REQUEST, "without Bearer"),
    ([(X, TOKEN + b", " + TOKEN)], Reason.INVALID_REQUEST, "exactly one key"),
    ([(X, b'"' + TOKEN + b'"')], Reason.INVALID_REQUEST, "exactly one key"),
    ([(X, "fl-é".encode("latin-1"))], Reason.INVALID_REQUEST, "exactly one key"),
    ([(AUTH, b"Bearer " + TOKEN)], Reason.INVALID_REQUEST, "which is not its place here"),
    ([(AUTH, TOKEN)], Reason.INVALID_REQUEST, "which is not its place here"),
    ([(X, TOKEN), (AUTH, b"Bearer " + TOKEN)], Reason.INVALID_REQUEST, "which is not its place here"),
    ([BASIC, (AUTH, b"Bearer " + TOKEN), (X, TOKEN)], Reason.INVALID_REQUEST, "which is not its place here"),
]


def header() -> KeyHeader:
    """Return the header that most people choose."""
    found = KeyHeader.named("X-API-Key")
    assert found is not None
    return found


def test_a_key_is_read_there_and_only_there() -> None:
    """The bare token; Authorization beside it means nothing."""
    assert [header().read(headers) for headers, _ in READ] == [expected for _, expected in READ]


@pytest.mark.parametrize(("headers", "reason", "words"), REFUSED)
def test_anything_else_is_refused_with_the_place(
    headers: list[tuple[bytes, bytes]], reason: Reason, words: str
) -> None:
    """The sentence says where a key belongs, and never what was sent."""
    found = header().read(headers)
    assert isinstance(found, Denied)
    assert found.reason is reason
    assert words in (found.detail or "")
    assert "X-API-Key: fl-…" in (found.detail or "")
    assert TOKEN.decode() not in (found.detail or "")


@pytest.mark.parametrize("name", [None, "", "  ", "Authorization", "AUTHORIZATION"])
def test_authorization_is_the_usual_place(name: str | None) -> None:
    """Then there is no other header."""
    assert KeyHeader.named(name) is None


@pytest.mark.parametrize(
    "name",
    ["X API Key", "x_api_key", "X-Key:", "-x", "é", "a" * 65, "Cookie", "host", "X-Auth-Key-Id",
     "x-forwarded-for", "Content-Type", "Sec-Fetch-Site", "X-Request-Id", "x-original-uri",
     "Proxy-Authorization"],
)  # fmt: skip
def test_a_name_that_cannot_be_or_means_something_else_is_refused(name: str) -> None:
    """With one that can be."""
    with pytest.raises(ConfigurationError, match="X-API-Key"):
        KeyHeader.named(name)
