"""Names of limits and quotas, as settings have them: which could be one's, and which always are."""

import re
from collections.abc import Iterable
from typing import Final

from flowkeys.domain.limits.quota import parse_quota
from flowkeys.domain.limits.rate import NAME, NAME_LENGTH, parse_limit

ALWAYS: Final = "second, minute, hour, day, week and the like (30s, 12h), calls-month, tokens-30d"
"""What limits are named that have no name of their own, and quotas."""
_SHOWN: Final = 20
_SECOND_OF_THEM: Final = re.compile(r"-[1-9][0-9]*$")


def could_be(text: str) -> bool:
    """Tell whether a limit or quota may have this name."""
    return len(text) <= NAME_LENGTH and NAME.fullmatch(text) is not None


def unknown(names: Iterable[str], stored: Iterable[str]) -> list[str]:
    """Return those of `names` that no limit has which is stored, nor could by its window or period."""
    known = frozenset(stored)
    return sorted(name for name in names if name not in known and not _is_derived(name))


def nobody_has(names: Iterable[str], stored: Iterable[str]) -> str:
    """Say of names in ``FLOWKEYS_REFUSED_WITHOUT_VALKEY`` that no limit has them, and which there are."""
    own = sorted(name for name in stored if not _is_derived(name))[:_SHOWN]
    there = f"; of names of their own there are: {', '.join(own)}" if own else ""
    return (
        f"No limit and no quota is named {', '.join(names)} (FLOWKEYS_REFUSED_WITHOUT_VALKEY). "
        f"They are named {ALWAYS}{there}."
    )


def _is_derived(name: str) -> bool:
    unit, _, period = name.partition("-")
    try:
        return parse_limit(f"1/{_SECOND_OF_THEM.sub('', name)}").name == _SECOND_OF_THEM.sub("", name)
    except ValueError:
        pass
    try:
        return bool(period) and parse_quota(f"1 {unit}/{period}").name == name
    except ValueError:
        return False
