"""Rate limits as people write and read them."""

from collections.abc import Sequence

from flowkeys.cli.backends.part import Json
from flowkeys.domain.limits.rate import RateLimit


def written(rates: Sequence[Json]) -> str:
    """Return limits as they are given on the command line; nothing for none."""
    return ", ".join(
        str(
            RateLimit(
                limit=rate["limit"],
                window_seconds=rate["windowSeconds"],
                burst=rate["burst"],
                name=rate["name"],
            )
        )
        for rate in rates
    )
