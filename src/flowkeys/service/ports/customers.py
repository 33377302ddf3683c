"""What services need of customers, within one transaction."""

from collections.abc import Sequence
from typing import Protocol

from flowkeys.domain.customers.customer import Customer
from flowkeys.domain.listing import CustomerQuery, Page
from flowkeys.domain.permissions import PermissionSet


class Customers(Protocol):
    """Customers within one transaction."""

    def insert(self, customer: Customer) -> None:
        """Add a customer; its external id must be free in the workspace."""
        ...

    def get(self, workspace_id: str, customer_id: str) -> Customer | None:
        """Return a customer of the workspace, in any status.

        Raises:
            Unavailable: its row was spoilt by hand.
        """
        ...

    def find(self, workspace_id: str, external_id: str) -> Customer | None:
        """Return who has this external id."""
        ...

    def page(self, query: CustomerQuery) -> Page[Customer]:
        """Return the customers that match, sorted, with the number of all that match."""
        ...

    def update(self, customer: Customer) -> None:
        """Write name, external id, meta, limits, status, times of change and version; nothing else."""
        ...

    def delete(self, workspace_id: str, customer_id: str) -> None:
        """Delete a customer; its revoked keys, which it must have alone, are nobody's then."""
        ...

    def permissions_of_keys(self, workspace_id: str, customer_id: str) -> Sequence[PermissionSet]:
        """Return what keys that are not revoked hold, each set once; none when there is no such key."""
        ...

    def live_keys(self, workspace_id: str, customer_id: str, most: int) -> list[str]:
        """Return the ids of keys that are not revoked, at most so many."""
        ...
