"""What a key asks of its calls, as its row has it. Read without SQLAlchemy: the library does too."""

from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus, KeyCustomer
from flowkeys.domain.keys.networks import Networks, clean_networks
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.rate import Limits
from flowkeys.domain.limits.stored import limits_from, quotas_from

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


def customer_from(
    customer_id: object,
    name: object,
    external_id: object,
    status: object,
    rate_limits: str | None = None,
    quotas: str | None = None,
) -> KeyCustomer:
    """Return a key's customer from the columns of its row, all of which are NULL when there is no such row.

    A key whose customer is not there, or is another workspace's, must not be taken for one without.

    Raises:
        ValueError, TypeError: they are not what is written there.
    """
    if type(customer_id) is not str or type(name) is not str:
        raise TypeError("There is no such customer, or its name is no text.")
    if external_id is not None and type(external_id) is not str:
        raise TypeError("The external id of the customer is no text.")
    of_customer = limits_from(rate_limits), quotas_from(quotas)
    return KeyCustomer(customer_id, name, external_id, CustomerStatus(str(status)), *of_customer)


def terms_from(
    allowed_ips: str | None,
    policy_ips: str | None = None,
    customer: KeyCustomer | None = None,
    rate_limits: str | None = None,
    quotas: str | None = None,
    bindings: str | None = None,
) -> Terms | None:
    """Return what a key asks of its calls, and the policy of its workspace, or None when that is nothing.

    `bindings` are the limits on its chatflows, as `BINDINGS` reads them.

    Raises:
        ValueError, TypeError: a column is not what is written there.
    """
    if customer is None and allowed_ips is policy_ips is rate_limits is quotas is bindings is None:
        return None
    return Terms(
        _networks(allowed_ips),
        customer=customer,
        policy_networks=_networks(policy_ips),
        limits=limits_from(rate_limits),
        quotas=quotas_from(quotas),
        bindings=_limited(bindings),
    )


def _networks(stored: str | None) -> Networks | None:
    texts = networks_from(stored)
    return Networks(texts) if texts else None


BINDINGS: Final = """(SELECT group_concat(chatflow_id || char(9) || rate_limits, char(10)) FROM binding
    WHERE key_id = k.id AND rate_limits IS NOT NULL)"""
"""How often the key `k` may call each of its chatflows, where that is limited: one on each line."""


def _limited(joined: str | None) -> dict[str, Limits] | None:
    if joined is None:
        return None
    found = {}
    for line in joined.split("\n"):
        chatflow_id, _, stored = line.partition("\t")
        limits = limits_from(stored)
        assert limits is not None
        found[chatflow_id] = limits
    return found
