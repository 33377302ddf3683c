"""How deep JSON that comes from outside may be nested.

What is stored is decoded and encoded again later, inside other JSON and on other stacks. Far from the
interpreter's own limit none of that can fail; near it, one stored value could break every list it is in.
"""

from typing import Any, Final

MAX_DEPTH: Final = 200


def too_deep(text: str | bytes, value: Any) -> bool:
    """Tell whether `value`, decoded from the JSON `text`, has more than `MAX_DEPTH` levels."""
    opening = ("[", "{") if isinstance(text, str) else (b"[", b"{")
    return sum(map(text.count, opening)) > MAX_DEPTH and _levels_exceed(value)  # type: ignore[arg-type]


def _levels_exceed(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            member
            for item in level
            if isinstance(item, dict | list)
            for member in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
