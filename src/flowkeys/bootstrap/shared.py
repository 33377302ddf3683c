"""Limits that several processes share: what is loaded where `FLOWKEYS_VALKEY` is set."""

from collections.abc import Callable
from typing import Final

from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.times import Clock
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.quotas import Load
from flowkeys.limits.shared.place import places_of

try:
    from flowkeys.limits.shared.accounts import Flush
    from flowkeys.limits.shared.away import Away
    from flowkeys.limits.shared.calls import SharedCalls
    from flowkeys.limits.shared.chosen import Chosen
    from flowkeys.limits.shared.facts import Facts, facts_of
    from flowkeys.limits.shared.failures import SharedFailures
    from flowkeys.limits.shared.quotas import SharedQuotas
    from flowkeys.limits.shared.rates import SharedLimits
    from flowkeys.limits.shared.tries import SharedTries
    from flowkeys.limits.shared.valkey import Valkey
except ModuleNotFoundError as error:
    if error.name != "libvalkey":
        raise
    raise ConfigurationError("FLOWKEYS_VALKEY needs: pip install 'flowkeys[valkey]'") from error


_LEASE_SECONDS: Final = 60
"""So long reservations last of a process that is not heard of any more."""


def valkey(settings: Settings, tell: Callable[[str, str], None]) -> Valkey:
    """Return the server that limits are counted in; it is asked nothing yet."""
    assert settings.valkey is not None
    places = places_of(settings.valkey.get_secret_value())
    return Valkey(places, settings.valkey_timeout_ms / 1000, tell)


async def valkey_facts(settings: Settings) -> Facts | str:
    """Return what that server is, or why it cannot be asked."""
    shared = valkey(settings, lambda *_: None)
    try:
        return await facts_of(shared)
    except Away as error:
        return str(error)


class Shared:
    """What is counted there."""

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[str, str], None],
        alone: MemoryLimits,
        quotas: tuple[Load, Flush],
        clock: Clock,
    ) -> None:
        """Count rate limits with `alone` while it is away. `quotas` are loaded, and stored, by these two."""
        self.valkey = valkey(settings, tell)
        chosen = _chosen(settings)
        self.limits = SharedLimits(self.valkey, alone, chosen)
        lease = max(_LEASE_SECONDS, 3 * settings.usage_flush_seconds)
        self.quotas = SharedQuotas(self.valkey, *quotas, clock, chosen=chosen, lease_seconds=lease)
        self.together = SharedCalls(self.valkey, self.limits, self.quotas, clock)
        self.tries = SharedTries(self.valkey)
        self.failures = SharedFailures(settings.failures_per_second, settings.failures_burst, self.valkey)


def _chosen(settings: Settings) -> Chosen:
    return Chosen(
        refuses_all=settings.limits_without_valkey == "refuse",
        names=frozenset(settings.refused_without_valkey),
    )
