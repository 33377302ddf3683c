"""Reading a bearer token from the headers and the URL of a request (RFC 6750, RFC 9110 section 11).

A token is accepted in one place: one ``Authorization`` header, scheme ``Bearer`` in any case, one token.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from flowkeys.domain.keys import pasted
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.keys.token import LENGTH

_WHERE = "Send the key as: Authorization: Bearer fl-…"

MISSING: Final = Denied(Reason.MISSING_CREDENTIALS, detail=f"No credential was sent. {_WHERE}")
UNKNOWN: Final = Denied(Reason.UNKNOWN_KEY)

_USUAL_LENGTH: Final = len(b"Bearer ") + LENGTH
# RFC 6750 section 2.1 b64token; a header may be at most this long before it is called malformed.
B64TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")
TOKEN = re.compile(rb"fl-[0-9A-Za-z]{32}")
"""The shape of a token of ours, wherever it stands."""
_URL_NAMES: Final = frozenset(
    {b"access_token", b"apikey", b"api_key", b"api-key", b"x-api-key", b"bearer", b"authorization"}
)


def read_credential(headers: Iterable[tuple[bytes, bytes]]) -> bytes | Denied:
    """Return what a request presents as its token, well formed or not, or why it presents nothing.

    The answer is one token of RFC 6750's syntax, in ASCII; whether it is one of ours is the verifier's to
    say, which looks for it among those that it knows first.
    """
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                return _malformed("There are two Authorization headers.")
            found = value
    if found is None:
        return MISSING
    return parse_authorization(found)


def parse_authorization(value: bytes) -> bytes | Denied:
    """Return what the value of an ``Authorization`` header presents, or why it presents nothing."""
    if len(value) == _USUAL_LENGTH and value[:10] == b"Bearer fl-" and value[10:].isalnum():
        return value[7:]
    scheme, space, rest = value.strip(b" \t").partition(b" ")
    if scheme.lower() != b"bearer":
        if not scheme:
            return _malformed("The Authorization header is empty.")
        if not space:
            return _malformed(
                "The Authorization header has no scheme: the word Bearer stands before the key."
            )
        return _malformed("The Authorization header's scheme is not Bearer.")
    credentials = rest.strip(b" ")
    if not B64TOKEN.fullmatch(credentials):
        why = pasted.malformed(credentials) or ""
        return _malformed(f"The Authorization header does not hold exactly one bearer token. {why}".rstrip())
    return credentials


def token_in_url(path: bytes, query: bytes) -> Denied | None:
    """Return a refusal when the raw path or query carries a token, or a parameter that is meant to."""
    if not query and b"fl" not in path and b"%" not in path:
        return None
    if TOKEN.search(unquote_to_bytes(path)) or TOKEN.search(unquote_to_bytes(query)):
        return _in_url()
    for pair in query.split(b"&"):
        if unquote_to_bytes(pair.partition(b"=")[0]).lower() in _URL_NAMES:
            return _in_url()
    return None


def _malformed(what: str) -> Denied:
    return Denied(Reason.INVALID_REQUEST, detail=f"{what} {_WHERE}")


def _in_url() -> Denied:
    return Denied(
        Reason.INVALID_REQUEST,
        detail=f"A key does not belong in a URL, where it ends up in logs and histories. {_WHERE}",
    )
