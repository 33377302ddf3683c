"""Why a run failed, for the operator on the server's own machine, who is told all of it."""

import traceback
from pathlib import Path
from typing import Final

from flowkeys.cli.streams import note, printable
from flowkeys.domain.errors import UpstreamFailed
from flowkeys.domain.keys.token import conceal

_OURS: Final = str(Path(__file__).resolve().parents[2])


def tell(error: UpstreamFailed) -> None:
    """Print what a model's server said, or where an object raised what: its own lines, without ours."""
    lines = [f"Reason: {error.reason}"] if error.reason is not None else []
    if error.raised is not None:
        found = traceback.TracebackException.from_exception(error.raised)
        _leave_out(found)
        anything = found.stack or found.__cause__ or found.__context__
        lines += "".join(found.format() if anything else found.format_exception_only()).splitlines()
    for line in lines:
        note("\t".join(printable(part) for part in conceal(line).split("\t")))


def _leave_out(found: traceback.TracebackException | None) -> None:
    """Take the frames of this package out, those of errors behind an error too."""
    while found is not None:
        kept = [frame for frame in found.stack if not _is_inside(frame.filename)]
        found.stack = traceback.StackSummary.from_list(kept)
        found = found.__cause__ or found.__context__


def _is_inside(file: str) -> bool:
    """Tell whether a file is of this package, or of what imports modules."""
    return file.startswith((_OURS, "<frozen importlib")) or "/importlib/" in file.replace("\\", "/")
