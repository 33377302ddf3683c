"""Verifying keys in one's own service, whatever it is made with (docs/library.md).

A refusal is a value and an outage raises `Unavailable`. What a source of keys needs is imported when one is
made: importing this module brings no web framework, no ORM and no HTTP client.
"""

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.verify.fixed import FixedKey, mint
from flowkeys.verify.result import Refusal, Result, VerifiedKey
from flowkeys.verify.verifier import Verifier

__all__ = [
    "ConfigurationError",
    "FixedKey",
    "Refusal",
    "Result",
    "Unavailable",
    "VerifiedKey",
    "Verifier",
    "mint",
]
