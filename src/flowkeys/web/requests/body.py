"""Reading JSON bodies, strictly."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.nesting import MAX_DEPTH, too_deep
from flowkeys.web.errors import Refused, problem
from flowkeys.web.requests.json_mistakes import explain

MAX_TOKEN_LENGTH: Final = 1024
MAX_TOKENS: Final = 100
"""So many tokens may be asked about in one call."""

_decoder: Final = msgspec.json.Decoder()


_PLAIN: Final = frozenset({b"", b"identity"})
_MARK: Final = b"\xef\xbb\xbf"


def decode(body: bytes, content_type: str = "") -> Any:
    """Return a body's value; a byte order mark before it is passed over (RFC 8259, section 8.1).

    Raises:
        Refused: it is not JSON, or nested too deeply; `content_type` helps to say why.
    """
    body = body.removeprefix(_MARK)
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(problem("invalid_json", explain(body, error, content_type))) from None
    if too_deep(body, value):
        raise Refused(problem("invalid_json", f"The body is nested deeper than {MAX_DEPTH} levels."))
    return value


def require_identity(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a body that is compressed or otherwise encoded (RFC 9110, section 8.4).

    Raises:
        Refused: 415, with an ``Accept-Encoding`` that says what is taken (section 12.5.3).
    """
    for name, value in headers:
        if name == b"content-encoding" and value.strip().lower() not in _PLAIN:
            detail = "The body is encoded (Content-Encoding). Send it as it is: this server decodes none."
            raise Refused(problem("unsupported_encoding", detail, headers=[("Accept-Encoding", "identity")]))
