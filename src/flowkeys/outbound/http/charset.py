"""Which characters the bytes of an answer stand for, as its head says."""

import codecs
import re
from typing import Final

USUAL: Final = "utf-8"
_SAID: Final = re.compile(r"""(?i)(?:^|;)\s*charset\s*=\s*["']?([^\s"';,]{1,40})""")
_OF_NAMES: Final = frozenset({"idna", "punycode"})
"""For names of hosts. They take a time that grows with the square of the text."""


def said(content_type: str) -> str | None:
    """Return the codec that a ``Content-Type`` names; the usual one for what is none; None: it names none."""
    found = _SAID.search(content_type)
    if found is None:
        return None
    try:
        name = codecs.lookup(found[1]).name
    except (LookupError, ValueError):
        return USUAL
    return USUAL if name in _OF_NAMES else name
