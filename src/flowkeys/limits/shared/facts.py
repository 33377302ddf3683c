"""What a server is, for whoever looks after it."""

import libvalkey
import msgspec

from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.valkey import Valkey


class Facts(msgspec.Struct, frozen=True):
    """Which server it is, and what it does when its memory is full."""

    name: str
    version: str
    place: str
    policy: str
    memory_bytes: int
    """So much it may use; 0: all that there is."""


async def facts_of(valkey: Valkey) -> Facts:
    """Return what it says of itself.

    Raises:
        Away: it says nothing.
    """
    await valkey.start()
    try:
        answer = await valkey.ask("INFO")
        if isinstance(answer, libvalkey.ReplyError):
            raise Away(str(answer))
        text = answer if isinstance(answer, bytes) else str(answer).encode()
        lines = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        is_valkey = "valkey_version" in lines
        return Facts(
            name="Valkey" if is_valkey else "Redis",
            version=lines.get("valkey_version") or lines.get("redis_version", "of an unknown version"),
            place=valkey.place,
            policy=lines.get("maxmemory_policy", "noeviction"),
            memory_bytes=int(lines.get("maxmemory", "0")),
        )
    finally:
        await valkey.stop()
