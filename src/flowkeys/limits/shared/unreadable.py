"""Names of accounts and addresses as Valkey has them: who looks there reads none."""

from hashlib import blake2b


def unreadable(name: str) -> bytes:
    """Return what stands for a name: the same for the same, in all processes."""
    return blake2b(name.encode(), digest_size=16).hexdigest().encode()
