"""A text that is given to a command: in a file, or piped in."""

from pathlib import Path

from flowkeys.cli import streams
from flowkeys.cli.failures import Refusal
from flowkeys.domain.errors import InvalidInput


def read_text(file: Path | None, field: str) -> str:
    """Return what is in a file; without one, or with the file ``-``, what is piped in.

    Raises:
        InvalidInput: it is no text; the error names `field`.
        Refusal: the file cannot be read.
    """
    try:
        found = streams.read_input() if file is None or str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Refusal("validation_failed", f"{file} cannot be read: {error.strerror}") from None
    text = streams.decoded(found)
    if text is None:
        raise InvalidInput.of(field, "What was given is no text in UTF-8.")
    return text
