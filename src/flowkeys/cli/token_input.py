"""Reading a token from where nobody else sees it: never from the arguments, which others can list."""

import sys

import typer

from flowkeys.client.environment import variable
from flowkeys.domain.errors import InvalidInput


def read_token() -> str:
    """Return the token in FLOWKEYS_TOKEN, or the one that is typed or piped in.

    Raises:
        InvalidInput: there is none.
    """
    token = variable("FLOWKEYS_TOKEN") or ""
    if not token:
        token = (
            typer.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
        ).strip()
    if not token:
        raise InvalidInput.of("token", "Pipe a token in, or set FLOWKEYS_TOKEN.")
    return token
