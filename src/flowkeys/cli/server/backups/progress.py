"""How far a copy is: a bar on a terminal, elsewhere nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flowkeys.cli.output import console
from flowkeys.storage.sqlite.backups.manifest import Progress


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress]:
    """Give what is to be told how much is done of what."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, whole: bar.update(task, description=what, completed=done, total=whole)
