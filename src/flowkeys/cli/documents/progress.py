"""How far an import is: a bar on a terminal; elsewhere only what was left out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowkeys.cli.backends.backend import Progress
from flowkeys.cli.output import console
from flowkeys.cli.streams import note, printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class _Quiet:
    """Says what was left out, and nothing else."""

    def begin(self, total: int) -> None:
        """Say nothing."""

    def done(self, source: str, outcome: str) -> None:
        """Say nothing: the summary counts the files."""

    def left_out(self, source: str, why: str) -> None:
        """Name the file."""
        note(f"Left out: {printable(source)}: {why}")


class _Shown(_Quiet):
    """Moves a bar."""

    def __init__(self, bar: "Bar", title: str) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=None, file="")

    def begin(self, total: int) -> None:
        """Draw the bar in its whole length."""
        self._bar.update(self._task, total=total)

    def done(self, source: str, outcome: str) -> None:
        """Move on by one file."""
        del outcome
        self._bar.update(self._task, advance=1, file=printable(source))

    def left_out(self, source: str, why: str) -> None:
        """Name the file above the bar."""
        self._bar.console.print(f"Left out: {printable(source)}: {why}")


@contextmanager
def importing(title: str, *, quiet: bool) -> Iterator[Progress]:
    """Give what is to be told how far the import is."""
    if quiet or not sys.stderr.isatty():
        yield _Quiet()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[file]}", markup=False),
    )
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        yield _Shown(bar, title)
