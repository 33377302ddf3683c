"""What a key asks of its calls beyond its status, its time and its chatflows."""

from collections.abc import Mapping

import msgspec

from flowkeys.domain.keys.networks import Networks
from flowkeys.domain.limits.rate import Limits


class Terms(msgspec.Struct, frozen=True):
    """Kept with a key's record: keys that ask for the same share one, and who asks for nothing has none."""

    networks: Networks | None = None
    """Where calls may come from; None: from anywhere."""
    limits: Limits | None = None
    """How often it may call."""
    bindings: Mapping[str, Limits] | None = None
    """How often it may call each chatflow, where that is limited."""
