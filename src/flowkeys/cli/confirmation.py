"""Asking before something that cannot be taken back."""

import sys

import typer

from flowkeys.cli.failures import Refusal


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back.

    Raises:
        Refusal: nobody is there to ask, or the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal("usage", "This cannot be taken back, and there is no terminal to ask on. Add --yes.")
    if not typer.confirm(question, err=True):
        raise Refusal("declined", "Nothing was changed.")
