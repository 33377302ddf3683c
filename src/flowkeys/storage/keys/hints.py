"""Ends of tokens, as people search for them: as lists show them, or alone."""

import re
from itertools import product
from typing import Final

_HINT: Final = re.compile(r"(?:fl-)?[•.…*]*([0-9A-Za-z]{4})")


def meant(searched: str) -> list[str]:
    """Return the ends of tokens that a folded search may mean: folding it lost its case."""
    match = _HINT.fullmatch(searched)
    if match is None:
        return []
    return sorted({"".join(letters) for letters in product(*((c, c.upper()) for c in match[1]))})
