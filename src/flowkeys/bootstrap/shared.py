"""Limits that several processes share: what is loaded where `FLOWKEYS_VALKEY` is set."""

from collections.abc import Callable

from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.shared.place import places_of

try:
    from flowkeys.limits.shared.rates import SharedLimits
    from flowkeys.limits.shared.valkey import Valkey
except ModuleNotFoundError as error:
    if error.name != "libvalkey":
        raise
    raise ConfigurationError("FLOWKEYS_VALKEY needs: pip install 'flowkeys[valkey]'") from error


def valkey(settings: Settings, tell: Callable[[str, str], None]) -> Valkey:
    """Return the server that limits are counted in; it is asked nothing yet."""
    assert settings.valkey is not None
    places = places_of(settings.valkey.get_secret_value())
    return Valkey(places, settings.valkey_timeout_ms / 1000, tell)


def shared_limits(settings: Settings, shared: Valkey, alone: MemoryLimits) -> SharedLimits:
    """Return rate limits that are counted there, and by `alone` while it is away."""
    return SharedLimits(shared, alone, refuses=settings.limits_without_valkey == "refuse")
