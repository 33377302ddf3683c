"""What a body asks about beside a token."""

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.networks import KnownClient, is_address


def client_of(address: str) -> KnownClient:
    """Return the client that a body names.

    Raises:
        InvalidInput: naming ``address``: it is none.
    """
    if not is_address(address):
        raise InvalidInput.of(
            "address", "Give an address such as 203.0.113.7 or 2001:db8::1, or leave it out."
        )
    return KnownClient(address)
