"""Entries of the audit log as people read them."""

from collections.abc import Sequence

from flowkeys.cli.backends.backend import Json
from flowkeys.cli.output import NONE, print_table, when
from flowkeys.domain.audit.difference import differences


def show_entries(entries: Sequence[Json]) -> None:
    """Print a table of entries, with what each changed."""
    print_table(
        ("WHEN (UTC)", "WHO", "ACTION", "WHAT", "CHANGED", "FROM"),
        (
            (
                when(entry["at"]),
                entry["actor"]["name"],
                entry["action"],
                entry["subject"]["name"] or entry["subject"]["id"],
                "; ".join(map(str, differences(entry["before"], entry["after"]))) or NONE,
                entry["address"] or NONE,
            )
            for entry in entries
        ),
    )
