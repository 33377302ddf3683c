"""What a key asks of its calls beyond its status, its time and its chatflows."""

from collections.abc import Mapping

import msgspec

from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.keys.networks import Client, Networks
from flowkeys.domain.limits.quota import Quotas
from flowkeys.domain.limits.rate import Limits


class Terms(msgspec.Struct, frozen=True):
    """Kept with a key's record: keys that ask for the same share one, and who asks for nothing has none."""

    networks: Networks | None = None
    """Where calls may come from; None: from anywhere."""
    customer: KeyCustomer | None = None
    """Whom the key belongs to: it is refused while that one is not active."""
    limits: Limits | None = None
    """How often it may call."""
    bindings: Mapping[str, Limits] | None = None
    """How often it may call each chatflow, where that is limited."""
    policy_networks: Networks | None = None
    """Where calls with any key of the workspace may come from; both have to hold."""
    quotas: Quotas | None = None
    """How much it may use in a period."""

    def admit(self, client: Client | None) -> bool:
        """Tell whether a call may come from where it does; where that is not known, it may not."""
        if self.networks is None and self.policy_networks is None:
            return True
        address = None if client is None else client.address()
        both = (self.networks, self.policy_networks)
        return all(networks is None or networks.include(address) for networks in both)
