"""Names of headers that most calls have: known, they are not looked into."""

from typing import Final

_USUAL: Final = (
    "Accept Accept-Encoding Accept-Language Authorization Cache-Control Content-Length Content-Type Cookie "
    "Forwarded Host Origin Pragma Referer Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Traceparent "
    "Tracestate User-Agent X-Forwarded-For X-Forwarded-Host X-Forwarded-Method X-Forwarded-Proto "
    "X-Forwarded-Uri X-Original-Uri X-Real-Ip X-Request-Id"
)
"""Headers that most calls have, and that say nothing of their connection."""
usual: Final = {
    name.encode("ascii"): name.lower().encode("ascii")
    for spelt in _USUAL.split()
    for name in (spelt, spelt.lower())
}.get
"""Returns the name in lower case, or None for another: quicker than to find out what a name says."""
