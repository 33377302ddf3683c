"""Where limits are counted: Valkey or Redis, if there is one."""

import asyncio
from collections.abc import Iterator

from flowkeys.cli.doctor.finding import Finding, fail, ok, warn
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError

_CHECK = "valkey"


def check_valkey(settings: Settings) -> Iterator[Finding]:
    """Look whether it can be reached, and whether it keeps what it is given."""
    if settings.valkey is None:
        return
    try:
        from flowkeys.bootstrap.shared import valkey_facts
    except ConfigurationError as error:
        yield fail(_CHECK, str(error), "Without it the server does not start.")
        return
    facts = asyncio.run(valkey_facts(settings))
    if isinstance(facts, str):
        meanwhile = (
            "refuses calls with limits" if settings.limits_without_valkey == "refuse" else "counts alone"
        )
        yield warn(_CHECK, f"cannot be asked: {facts}.", f"The server starts, and {meanwhile} until it can.")
        return
    yield ok(_CHECK, f"limits are counted in {facts.name} {facts.version} at {facts.place}")
    if facts.policy != "noeviction" and facts.memory_bytes:
        yield warn(
            _CHECK,
            f"it may forget limits when its memory is full (maxmemory-policy is {facts.policy}).",
            "Set maxmemory-policy to noeviction, and let nothing else fill it.",
        )
