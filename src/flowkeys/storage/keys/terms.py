"""What a key asks of its calls, as its row has it. Read without SQLAlchemy: the library does too."""

from typing import Final

import msgspec

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


def terms_from(allowed_ips: str | None, policy_ips: str | None = None) -> Terms | None:
    """Return what a key asks of its calls, and the policy of its workspace, or None when that is nothing.

    Raises:
        ValueError, TypeError: a column is not what is written there.
    """
    own, policy = _networks(allowed_ips), _networks(policy_ips)
    return None if own is None and policy is None else Terms(own, policy_networks=policy)


def _networks(stored: str | None) -> Networks | None:
    texts = networks_from(stored)
    return Networks(texts) if texts else None
