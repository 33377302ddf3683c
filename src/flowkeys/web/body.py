"""Reading JSON bodies, strictly."""

from typing import Any, Final

import msgspec

from flowkeys.domain.nesting import MAX_DEPTH, too_deep
from flowkeys.web.errors import Refused, problem

_decoder: Final = msgspec.json.Decoder()


def decode(body: bytes) -> Any:
    """Return a body's value.

    Raises:
        Refused: it is not JSON, or nested too deeply.
    """
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(problem("invalid_json", f"The body is not valid JSON: {error}")) from None
    if too_deep(body, value):
        raise Refused(problem("invalid_json", f"The body is nested deeper than {MAX_DEPTH} levels."))
    return value
