"""What is printed only once, a token or a link: made only where it can be shown, and said if it was not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flowkeys.cli.failures import Refusal
from flowkeys.cli.streams import drop, refusal


def require_output(what: str) -> None:
    """Refuse to make what is shown only once where it is clear that it cannot be shown.

    Raises:
        Refusal: the standard output is closed, full, or read by nobody.
    """
    why = refusal()
    if why is not None:
        raise Refusal("output_failed", f"{what} is shown once, and the output {why}. Nothing was made.")


@contextmanager
def shown_once(lost: str) -> Iterator[None]:
    """See to it that what is printed in the block reaches the output.

    Raises:
        Refusal: it did not; `lost` says what to do about what was made.
    """
    try:
        yield
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        drop()
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Refusal("output_failed", f"The output cannot be written ({why}). {lost}") from error
