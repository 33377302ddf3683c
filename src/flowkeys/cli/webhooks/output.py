"""Webhooks and deliveries as people read them."""

from collections.abc import Sequence

from flowkeys.cli.backends.backend import Json
from flowkeys.cli.output import NONE, moment, print_fields, print_table, when


def show_webhooks(webhooks: Sequence[Json]) -> None:
    """Print a table of webhooks."""
    print_table(
        ("URL", "STATE", "EVENTS", "MADE (UTC)", "ID"),
        (
            (one["url"], one["state"], ", ".join(one["events"]), when(one["createdAt"]), one["id"])
            for one in webhooks
        ),
    )


def show_webhook(webhook: Json) -> None:
    """Print all that is known of one webhook."""
    print_fields(
        [
            ("url", webhook["url"]),
            ("id", webhook["id"]),
            ("state", webhook["state"]),
            ("events", ", ".join(webhook["events"])),
            ("note", webhook["note"] or NONE),
            ("made", moment(webhook["createdAt"])),
            ("changed", moment(webhook["updatedAt"])),
        ]
    )


def show_deliveries(deliveries: Sequence[Json]) -> None:
    """Print a table of deliveries."""
    print_table(
        ("EVENT", "STATUS", "TRIES", "CODE", "TRIED (UTC)", "NEXT (UTC)", "ID", "WHY"),
        (
            (
                one["eventType"],
                one["status"],
                str(one["tries"]),
                NONE if one["answerCode"] is None else str(one["answerCode"]),
                when(one["triedAt"]),
                when(one["nextTryAt"]),
                one["id"],
                one["failure"] or NONE,
            )
            for one in deliveries
        ),
    )
