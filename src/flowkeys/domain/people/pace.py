"""How fast passwords may be tried."""

import msgspec


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast may be tried. Times are microseconds."""

    free: int
    """Failures without a wait."""
    first: int
    """The wait after so many failures; each further failure doubles it."""
    longest: int
    forgotten_after: int
    """So long after the last failure the count starts anew."""
