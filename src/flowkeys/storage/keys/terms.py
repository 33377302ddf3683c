"""What a key asks of its calls, as its row has it. Read without SQLAlchemy: the library does too."""

from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus, KeyCustomer
from flowkeys.domain.keys.networks import Networks, clean_networks
from flowkeys.domain.keys.terms import Terms

_decode_texts: Final = msgspec.json.Decoder(list[str]).decode


def networks_from(stored: str | None) -> tuple[str, ...]:
    """Return the networks of a column; NULL is none.

    What is there by hand must not open the key to everybody: an empty list, or one with something else in it,
    cannot be read.

    Raises:
        ValueError, TypeError: it is no list of networks.
    """
    if stored is None:
        return ()
    found = clean_networks(_decode_texts(stored))
    if not found:
        raise ValueError("an empty list of networks")
    return found


def customer_from(customer_id: object, name: object, external_id: object, status: object) -> KeyCustomer:
    """Return a key's customer from the columns of its row, all of which are NULL when there is no such row.

    A key whose customer is not there, or is another workspace's, must not be taken for one without.

    Raises:
        ValueError, TypeError: they are not what is written there.
    """
    if type(customer_id) is not str or type(name) is not str:
        raise TypeError("There is no such customer, or its name is no text.")
    if external_id is not None and type(external_id) is not str:
        raise TypeError("The external id of the customer is no text.")
    return KeyCustomer(customer_id, name, external_id, CustomerStatus(str(status)))


def terms_from(
    allowed_ips: str | None, policy_ips: str | None = None, customer: KeyCustomer | None = None
) -> Terms | None:
    """Return what a key asks of its calls, and the policy of its workspace, or None when that is nothing.

    Raises:
        ValueError, TypeError: a column is not what is written there.
    """
    own, policy = _networks(allowed_ips), _networks(policy_ips)
    if own is None and policy is None and customer is None:
        return None
    return Terms(own, customer, policy_networks=policy)


def _networks(stored: str | None) -> Networks | None:
    texts = networks_from(stored)
    return Networks(texts) if texts else None
