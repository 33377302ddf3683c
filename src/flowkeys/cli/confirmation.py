"""Asking before something that had better be looked at twice."""

import sys

import typer

from flowkeys.cli.failures import Refusal


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that had better be looked at twice.

    Raises:
        Refusal: nobody is there to ask, or the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal("usage", "This asks first, and there is no terminal to ask on. Add --yes to do it.")
    if not typer.confirm(question, err=True):
        raise Refusal("declined", "Nothing was changed.")
