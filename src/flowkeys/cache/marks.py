"""Which keys and customers changed, and where in the feed: what was read before is not used again."""

from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import KeyRecord


class Marks:
    """The positions of changes, by key and by customer."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self.customers: dict[str, int] = {}
        self.newest = -1
        """The highest position that is noted: what was read behind it is valid, whatever changed."""

    def note(self, subject: str, subject_id: str, position: int) -> int:
        """Note a change of a key or a customer, and return how many of them are noted.

        Where transactions commit in another order than that of their positions, the highest counts.
        """
        marked = self._keys if subject == Subject.KEY else self.customers
        self.newest = max(position, self.newest)
        marked[subject_id] = max(position, marked.get(subject_id, -1))
        return len(marked)

    def clear(self) -> None:
        """Forget which changed."""
        self._keys.clear()
        self.customers.clear()
        self.newest = -1

    def is_valid(self, record: KeyRecord) -> bool:
        """Tell whether a record was read behind all that is noted."""
        if self._keys and self._keys.get(record.key_id, -1) > record.position:
            return False
        return not self.customers or self.knows_customer(record)

    def knows_customer(self, record: KeyRecord) -> bool:
        """Tell whether a record's customer has not changed since it was read."""
        customer = None if record.terms is None else record.terms.customer
        return customer is None or self.customers.get(customer.id, -1) <= record.position

    def last(self, record: KeyRecord) -> int:
        """Return the position of the last noted change of a record's key or customer; -1: there was none."""
        customer = None if record.terms is None else record.terms.customer
        of_customer = -1 if customer is None else self.customers.get(customer.id, -1)
        return max(self._keys.get(record.key_id, -1), of_customer)
