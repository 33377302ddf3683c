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
    from flowkeys.limits.shared.chosen import Chosen
    from flowkeys.limits.shared.facts import Facts, facts_of
    from flowkeys.limits.shared.failures import SharedFailures
    from flowkeys.limits.shared.quotas import SharedQuotas
    from flowkeys.limits.shared.rates import SharedLimits
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


def shared_failures(settings: Settings, shared: Valkey) -> SharedFailures:
    """Return the limit on failed credentials that is counted there."""
    return SharedFailures(settings.failures_per_second, settings.failures_burst, shared)


async def valkey_facts(settings: Settings) -> Facts | str:
    """Return what that server is, or why it cannot be asked."""
    shared = valkey(settings, lambda *_: None)
    try:
        return await facts_of(shared)
    except Away as error:
        return str(error)


def shared_quotas(settings: Settings, shared: Valkey, load: Load, flush: Flush, clock: Clock) -> SharedQuotas:
    """Return quotas that are counted there; `flush` stores what this process counted."""
    return SharedQuotas(
        shared,
        load,
        flush,
        clock,
        chosen=_chosen(settings),
        lease_seconds=max(_LEASE_SECONDS, 3 * settings.usage_flush_seconds),
    )


def shared_limits(settings: Settings, shared: Valkey, alone: MemoryLimits) -> SharedLimits:
    """Return rate limits that are counted there, and by `alone` while it is away."""
    return SharedLimits(shared, alone, _chosen(settings))


def _chosen(settings: Settings) -> Chosen:
    return Chosen(
        refuses_all=settings.limits_without_valkey == "refuse",
        names=frozenset(settings.refused_without_valkey),
    )
