"""Customers as people read them."""

from collections.abc import Sequence

import msgspec

from flowkeys.cli.backends.backend import Json
from flowkeys.cli.output import NONE, moment, print_fields, print_table, quota_fields, when, written_limits


def show_customers(customers: Sequence[Json]) -> None:
    """Print a table of customers."""
    print_table(
        ("NAME", "EXTERNAL ID", "STATUS", "KEYS", "MADE (UTC)", "ID"),
        (
            (
                customer["name"],
                customer["externalId"] or NONE,
                customer["status"],
                str(customer["keyCount"]),
                when(customer["createdAt"]),
                customer["id"],
            )
            for customer in customers
        ),
    )


def show_customer(customer: Json) -> None:
    """Print all that is known of one customer."""
    print_fields(
        [
            ("name", customer["name"]),
            ("id", customer["id"]),
            ("external id", customer["externalId"] or NONE),
            ("status", customer["status"]),
            ("keys", str(customer["keyCount"])),
            ("rate limits", written_limits(customer["rateLimits"]) or "none"),
            *quota_fields(customer["quotas"]),
            ("own data", msgspec.json.encode(customer["meta"]).decode() if customer["meta"] else NONE),
            ("made", moment(customer["createdAt"])),
            ("changed", moment(customer["updatedAt"])),
            ("revoked", moment(customer["revokedAt"], "no")),
        ]
    )
