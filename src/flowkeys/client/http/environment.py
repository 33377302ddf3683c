"""Variables of the environment, and paths that may begin with ``~``, as every part reads them."""

import os
import re
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError

_QUOTES: Final = "\"'"
_INVISIBLE: Final = "\ufeff\u200b\u2060"
"""A byte order mark, as a file that was read into a variable leaves it, and blanks of no width."""
_UNFILLED: Final = re.compile(r"\$[A-Za-z_{(]|%\w+%|\{\{")
""" ``$HOME``, ``%APPDATA%``, ``{{ folder }}`` at the beginning: files of variables and units fill in none."""


def variable(name: str) -> str | None:
    """Return a variable without blanks around it, or None: unset, empty and blank are the same.

    ``${VAR:-}`` in a compose file makes an empty one, a file with Windows line ends one that ends in CR.
    """
    return plain(os.environ.get(name))


def plain(text: str | None) -> str | None:
    """Return what is meant by a variable's text; None: nothing.

    Quotes around all of it are taken off: a shell or Compose does so, ``docker --env-file`` does not.
    """
    text = (text or "").strip().strip(_INVISIBLE).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        text = text[1:-1].strip()
    return text or None


def expanded(path: str | Path, advice: str) -> Path:
    """Return a path with the home directory in place of ``~``.

    Raises:
        ConfigurationError: nobody knows where it is, as in a container whose user is a number alone, or
            there is no such user; `advice` says what to do.
    """
    if _UNFILLED.match(str(path)):
        raise ConfigurationError(
            f"{path} begins with the name of a variable, which nobody has filled in: write the whole path. "
            f"{advice}"
        )
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"It is not known where {path} is: HOME is not set, and the system knows no home directory for "
            f"that user. {advice}"
        ) from None
