"""What commands print: tables for people, or one JSON document for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import typer

from flowkeys.cli.backend import Json, Listed, Progress

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH: Final = 500
"""Where no terminal is, nothing is cut: the line goes to another program or a file."""

NONE: Final = "-"
"""Stands where there is nothing."""

say = typer.echo


def print_json(document: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def console(*, stderr: bool = False) -> "Console":
    """Return where tables are printed; no colour where no terminal is, or where NO_COLOR is set."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a terminal folds long cells, so that nothing of them is lost."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=False)
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    console().print(table)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print the members of one thing, a line each."""
    shown = [(name, printable(value)) for name, value in fields]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        typer.echo(f"{name:<{width}}  {value}".rstrip())


def print_page(listed: Listed, what: str, show: Callable[[list[Json]], None]) -> None:
    """Print a list for people, and how many there are."""
    items = listed if isinstance(listed, list) else listed["data"]
    if items:
        show(items)
    total = len(items) if isinstance(listed, list) else listed["total"]
    of_all = f"{len(items)} of {total}" if total != len(items) else f"{total}"
    typer.echo(f"{of_all} {what}{'' if total == 1 else 's'}", err=True)


def printable(text: str) -> str:
    """Return a text that cannot steer a terminal: names and notes come from other people."""
    return "".join(c if c.isprintable() else "�" for c in text)


def when(time: str | None) -> str:
    """Return a time of the wire for people, to the minute, UTC."""
    return NONE if time is None else f"{time[:10]} {time[11:16]}"


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show how far an import is: a bar on a terminal; elsewhere only what was left out or refused."""
    if quiet or not sys.stderr.isatty():
        yield _only_problems
        return
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.completed} files"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[file]}", markup=False),
    )
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, file="")

        def step(source: str, outcome: str) -> None:
            _only_problems(source, outcome)
            bar.update(task, advance=1, file=printable(source))

        yield step


def _only_problems(source: str, outcome: str) -> None:
    if outcome.startswith("left out"):
        typer.echo(f"{printable(source)}: {outcome}", err=True)
