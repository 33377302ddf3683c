"""The columns of the list of keys, and the ways to sort it."""

from typing import Final, Literal

import msgspec

from flowkeys.domain.listing import KeySort
from flowkeys.web.pages.keys.query import KeyList


class Order(msgspec.Struct, frozen=True):
    """A way to sort: what a column's head says, what each direction is called, and which comes first."""

    label: str
    upwards: str
    downwards: str
    begins_downwards: bool = False


class Head(msgspec.Struct, frozen=True):
    """A link in the head of a column."""

    sort: KeySort
    label: str
    url: str
    """The list in this order, or turned round when it is in this order already."""
    says: str
    """What the link does, in words."""
    aria: Literal["ascending", "descending"] | None


ORDERS: Final[dict[KeySort, Order]] = {
    "createdAt": Order("Created", "Oldest first", "Newest first", begins_downwards=True),
    "keyName": Order("Name", "Name, A to Z", "Name, Z to A"),
    "hint": Order("Token", "Last characters of the token", "Last characters of the token, backwards"),
    "status": Order("Status", "Status", "Status, backwards"),
    "permissions": Order("Permissions", "Fewest permissions", "Most permissions", begins_downwards=True),
    "chatFlows": Order("Chatflows", "Fewest chatflows", "Most chatflows", begins_downwards=True),
    "createdBy": Order("By", "Creator, A to Z", "Creator, Z to A"),
    "lastUsedAt": Order("Last used", "Used longest ago", "Used most recently", begins_downwards=True),
    "expiresAt": Order("Expires", "Ends soonest", "Ends latest"),
    "updatedAt": Order("Changed", "Changed longest ago", "Changed most recently", begins_downwards=True),
}


def heads(shown: KeyList) -> dict[str, Head]:
    """Return the links in the heads of the columns, by what they sort by."""
    return {sort: _head(shown, sort, order) for sort, order in ORDERS.items()}


def choices(shown: KeyList) -> list[tuple[str, str, bool]]:
    """Return each order as the URL has it, in words, and whether it is the present one."""
    found = []
    for sort, order in ORDERS.items():
        for descending in (order.begins_downwards, not order.begins_downwards):
            value = f"-{sort}" if descending else sort
            words = order.downwards if descending else order.upwards
            found.append((value, words, value == shown.signed_sort))
    return found


def _head(shown: KeyList, sort: KeySort, order: Order) -> Head:
    current = shown.sort == sort
    descending = not shown.descending if current else order.begins_downwards
    return Head(
        sort=sort,
        label=order.label,
        url=shown.at(sort=sort, descending=descending),
        says=f"Sort: {order.downwards if descending else order.upwards}",
        aria=("descending" if shown.descending else "ascending") if current else None,
    )
