"""JSON as people write it: JSON5, too, with trailing commas, single quotes and names without any."""

from typing import Any, Final

import msgspec

_DEPTH: Final = 200


class NotRead(ValueError):
    """A text is neither JSON nor JSON5; the message says where."""


def read_json(text: str) -> Any:
    """Return what a text says in JSON, else in JSON5; brackets may be escaped as Markdown does.

    Raises:
        NotRead: it says nothing in either, or is nested too deeply.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    import pyjson5

    try:
        found = pyjson5.decode(text.replace("\\[", "[").replace("\\]", "]"), maxdepth=_DEPTH)
        msgspec.json.encode(found)
    except (pyjson5.Json5Exception, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise NotRead(str(error.args[0])[:200] if error.args else "it is empty") from error
    return found
