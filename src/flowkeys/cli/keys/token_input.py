"""Reading a token from where nobody else sees it: never from the arguments, which others can list."""

import os
import sys

import typer

from flowkeys.cli import streams
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.pasted import cleaned


def read_token() -> str:
    """Return the token in FLOWKEYS_TOKEN, or the one that is typed or piped in, without what surrounds it.

    Raises:
        InvalidInput: there is none.
    """
    token = cleaned(os.environ.get("FLOWKEYS_TOKEN", "")) or cleaned(_typed())
    if not token:
        raise InvalidInput.of("token", "Pipe a token in, or set FLOWKEYS_TOKEN.")
    return token


def _typed() -> str:
    if sys.stdin.isatty():
        found: str = typer.prompt("Token", hide_input=True, err=True)
        return found
    text = streams.decoded(streams.read_line())
    if text is None:
        raise InvalidInput.of("token", "What was piped in is no text in UTF-8.")
    return text
