"""What commands print: tables for people, or one JSON document for programs."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from flowkeys.cli import streams
from flowkeys.cli.backends.backend import Json, Listed
from flowkeys.cli.streams import printable
from flowkeys.domain.limits.rate import RateLimit

if TYPE_CHECKING:
    from rich.console import Console

_WIDE: Final = 2000
"""Where no terminal is, nothing is cut: the line goes to another program or a file."""

NONE: Final = "-"
"""Stands where there is nothing."""


say: Final = streams.say


def print_json(document: Any) -> None:
    """Print one JSON document."""
    say(streams.as_json(document, sys.stdout, indent=2))


def console(*, stderr: bool = False, width: int | None = None) -> "Console":
    """Return where tables are printed; no colour where no terminal is, or where NO_COLOR is set."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    if width is None and not stream.isatty():
        width = _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table, a line for each row: a narrow terminal breaks it, and no cell is cut or folded."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    console(width=_WIDE).print(table, soft_wrap=True)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print the members of one thing, a line each."""
    shown = [(name, printable(value)) for name, value in fields]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        say(f"{name:<{width}}  {value}".rstrip())


def print_page(
    listed: Listed, what: str, show: Callable[[list[Json]], None], plural: str | None = None
) -> None:
    """Print a list for people, and how many there are."""
    items = listed if isinstance(listed, list) else listed["data"]
    if items:
        show(items)
    total = len(items) if isinstance(listed, list) else listed["total"]
    of_all = f"{len(items)} of {total}" if total != len(items) else f"{total}"
    say(f"{of_all} {what if total == 1 else plural or f'{what}s'}", err=True)


def when(time: str | None) -> str:
    """Return a time of the wire for a column that is headed UTC, to the minute."""
    return NONE if time is None else f"{time[:10]} {time[11:16]}"


def moment(time: str | None, never: str = NONE) -> str:
    """Return a time of the wire for people, to the minute, with its zone; `never` where there is none."""
    return never if time is None else f"{when(time)} UTC"


def written_limits(rates: Sequence[Json]) -> str:
    """Return rate limits as they are given on the command line; nothing for none."""
    return ", ".join(
        str(
            RateLimit(
                limit=rate["limit"],
                window_seconds=rate["windowSeconds"],
                burst=rate["burst"],
                name=rate["name"],
            )
        )
        for rate in rates
    )


def quota_fields(quotas: Sequence[Json]) -> list[tuple[str, str]]:
    """Return quotas with what is used of them, a line each."""
    if not quotas:
        return [("quotas", "none")]
    return [("quotas" if at == 0 else "", _told_of_quota(quota)) for at, quota in enumerate(quotas)]


def _told_of_quota(quota: Json) -> str:
    unit = "tokens" if "tokens" in quota else "calls"
    held = f", {quota['reserved']:,} reserved" if quota["reserved"] else ""
    ends = f", from {moment(quota['resetsAt'])} on again" if quota["resetsAt"] else ""
    used = f"{quota['used']:,} used, {quota['left']:,} left{held}{ends}"
    return f"{quota[unit]:,} {unit}/{quota['period']}: {used}"
